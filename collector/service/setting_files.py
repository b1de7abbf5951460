"""The files and folders that settings name: read when a part is made, checked by `check-config`."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

from collector.directory.file import read_file
from collector.errors import CollectorError, ConfigurationError, reason_of
from collector.probe.connection import tls_context
from collector.service.setting_types import cleaned
from collector.service.settings import Settings, variable
from collector.store import file as store_file


def node_tls_context(settings: Settings) -> ssl.SSLContext:
    """Return the TLS context for nodes and controls. Raises ConfigurationError."""
    return _trusting(tls_context(), settings.probe.ca_file, "probe")


def database_tls_context(settings: Settings) -> ssl.SSLContext:
    """Return the TLS context for InfluxDB. Raises ConfigurationError."""
    return _trusting(ssl.create_default_context(), settings.influxdb.ca_file, "influxdb")


def database_token(settings: Settings) -> str:
    """Return the token, or what is in its file. Raises ConfigurationError."""
    file = settings.influxdb.token_file
    if file is None:
        return settings.influxdb.token.get_secret_value()
    try:
        token: str = cleaned(file.read_text(encoding="utf-8-sig"))
        reason = "it is empty"
    except UnicodeDecodeError:
        token, reason = "", "it is not UTF-8"
    except OSError as error:
        token, reason = "", reason_of(error)
    except ValueError as error:
        token, reason = "", f"it {error}"
    if token:
        return token
    raise ConfigurationError(
        f"{variable(('influxdb', 'token_file'))}: {file} cannot be read: {reason}",
        "Name a file that this user may read and that holds nothing but the token.",
    )


def check_files(settings: Settings) -> None:
    """Look at every file and folder that `run` needs, and write nothing.

    Raises ConfigurationError with all that cannot be used.
    """
    checks: tuple[Callable[[Settings], object], ...] = (
        node_tls_context,
        database_tls_context,
        database_token,
        _check_list,
        _check_data_dir,
    )
    problems = []
    for check in checks:
        try:
            check(settings)
        except ConfigurationError as error:
            problems.append(str(error))
    if problems:
        raise ConfigurationError("; ".join(problems), "`run` needs them: give the right paths.")


def _check_list(settings: Settings) -> None:
    file = settings.directory.file
    if file is None:
        return
    try:
        read_file(file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{variable(('directory', 'file'))}: {file} is no list of nodes: {reason_of(error)}"
        ) from None


def _check_data_dir(settings: Settings) -> None:
    """Raise ConfigurationError unless the data directory is there or can be made, and written.

    A store in it must be one that this version can use.
    """
    wanted = settings.data_dir
    try:
        place = next(path for path in (wanted, *wanted.absolute().parents) if path.exists())
        problem = "" if place.is_dir() else f"{place} is not a directory"
    except OSError as error:
        place, problem = wanted, reason_of(error)
    if not problem and not os.access(place, os.W_OK | os.X_OK):
        problem = f"this user may not write in {place}"
    if not problem:
        try:
            store_file.check(wanted / store_file.FILE_NAME)
        except CollectorError as error:
            problem = str(error)
    if problem:
        raise ConfigurationError(f"{variable(('data_dir',))}: {wanted} cannot be used: {problem}")


def _trusting(context: ssl.SSLContext, ca_file: Path | None, section: str) -> ssl.SSLContext:
    """The context, with the authorities of a file besides those that it trusts already."""
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigurationError(
            f"{variable((section, 'ca_file'))}: {ca_file} cannot be read as certificates: {error}",
            "Give a PEM file with the certificates of the authorities.",
        ) from error
    return context
