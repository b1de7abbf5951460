"""The database that rounds are delivered to, as the settings name it; nothing here without one.

The client library takes half a second to import, so it is imported by those who have a database.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from collector.influx.backoff import Backoff
from collector.influx.delivery import Delivery
from collector.influx.generation import Generation
from collector.influx.target import Target
from collector.model.batch import BatchLimits
from collector.service.load_settings import ConfigurationError
from collector.service.settings import InfluxDbSettings, Settings, variable
from collector.store import EmbeddedStore
from collector.store.spool import SpoolLimits

if TYPE_CHECKING:
    from collector.influx.client import InfluxDb


def spooling_of(settings: Settings) -> SpoolLimits | None:
    """How rounds wait for delivery; None if they are delivered nowhere."""
    influxdb = settings.influxdb
    if not influxdb.url:
        return None
    cut = BatchLimits(influxdb.batch_lines, influxdb.batch_bytes)
    return SpoolLimits(cut, influxdb.spool_bytes, influxdb.spool_days)


@contextlib.asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[InfluxDb]:
    """A client of the database; connects nowhere yet. Raises ConfigurationError."""
    from collector.influx.client import open_influxdb

    influxdb = settings.influxdb
    if not influxdb.url:
        raise ConfigurationError(
            f"no InfluxDB is set: {variable(('influxdb', 'url'))} is empty",
            "Set it, for example to http://localhost:8086.",
        )
    target = Target(influxdb.url, influxdb.bucket, influxdb.org, _token(influxdb))
    generation = None if influxdb.generation == "auto" else Generation(influxdb.generation)
    context = _context(influxdb)
    async with open_influxdb(target, context, influxdb.timeout_seconds, generation) as database:
        yield database


@contextlib.asynccontextmanager
async def open_delivery(
    settings: Settings, store: EmbeddedStore, *, at_once: bool = True
) -> AsyncIterator[Delivery]:
    """Delivers what the store spools, until it is left; if not `at_once`, when it is finished."""
    async with open_database(settings) as database:
        delivery = Delivery(store, database, database.target.url, Backoff())
        if at_once:
            delivery.start()
        try:
            yield delivery
        finally:
            await delivery.stop()


def _context(influxdb: InfluxDbSettings) -> ssl.SSLContext:
    """The system's authorities, and those of the file besides."""
    context = ssl.create_default_context()
    if influxdb.ca_file is None:
        return context
    try:
        context.load_verify_locations(cafile=influxdb.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"{variable(('influxdb', 'ca_file'))}: {influxdb.ca_file} cannot be read as "
            f"certificates: {error}",
            "Give a PEM file with the certificates of the authorities.",
        ) from error
    return context


def _token(influxdb: InfluxDbSettings) -> str:
    """The token, or what is in its file."""
    if influxdb.token_file is None:
        return influxdb.token.get_secret_value()
    try:
        return influxdb.token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{variable(('influxdb', 'token_file'))}: {influxdb.token_file} cannot be read: "
            f"{error.strerror if isinstance(error, OSError) else 'it is not UTF-8'}",
            "Name a file that this user may read and that holds nothing but the token.",
        ) from None
