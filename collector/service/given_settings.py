"""What the user wrote: values from the environment, `.env`, a TOML file and the command line.

Each value is kept with where it stands, so that an error can name it. An empty value counts as not
given.
"""

from __future__ import annotations

import difflib
import io
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dotenv.main import resolve_variables
from dotenv.parser import parse_stream

from collector.service.setting_types import stripped
from collector.service.settings import PREFIX, Settings, fields, is_secret, variable

CONFIG_VARIABLE: Final = "CRN_CONFIG"
Key = tuple[str, ...]
"""The path of a setting, such as `("probe", "timeout_seconds")`."""

_OPTIONS: Final[Mapping[Key, str]] = {
    ("data_dir",): "--data-dir",
    ("directory", "file"): "--directory",
}
_OF_KUBERNETES: Final = re.compile(
    r"CRN(?:_[A-Z0-9]+)*?_"
    r"(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)",
    re.ASCII,
)
"""What Kubernetes and Docker links put into every container for a service named `crn-…`."""


@dataclass(frozen=True, slots=True)
class GivenValue:
    """A value, and where it stands."""

    value: Any
    place: str
    """Such as `CRN_VANTAGE in .env`."""


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """The values of one source, and what is wrong with the source itself."""

    values: Mapping[Key, GivenValue] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def from_options(options: Mapping[str, Any]) -> GivenSettings:
    """Return what the command line overrides."""
    return GivenSettings(
        {
            key: GivenValue(value, _OPTIONS.get(key, ".".join(key)))
            for key, value in _flat(options)
            if not _is_empty(value)
        }
    )


def from_environment(variables: Mapping[str, str]) -> GivenSettings:
    """Return the settings among the variables of the process."""
    ours = {name: value for name, value in variables.items() if not _is_foreign(name, value)}
    return _from_variables(ours, ours, "the environment")


def from_dotenv(path: Path) -> GivenSettings:
    """Return the settings of a `.env` file; `${NAME}` is replaced in all but secrets."""
    if not is_file(path):
        return GivenSettings()
    try:
        bindings = list(parse_stream(io.StringIO(_read(path))))
    except (OSError, UnicodeDecodeError) as exc:
        return GivenSettings(problems=(f"{path} cannot be read: {exc}",))
    unreadable = tuple(
        f"line {binding.original.line} of {path} cannot be read: write NAME=value, a value with "
        "blanks or # in quotes"
        for binding in bindings
        if binding.error or (binding.key and binding.value is None)
    )
    raw = {b.key: b.value for b in bindings if b.key and b.value is not None}
    expanded = dict(resolve_variables(raw.items(), override=True))
    given = _from_variables(expanded, raw, str(path))
    idle = (f"{CONFIG_VARIABLE} in {path}: has no effect there; set it in the environment",)
    return GivenSettings(
        given.values, unreadable + given.problems + (idle if CONFIG_VARIABLE in raw else ())
    )


def from_toml(path: Path) -> GivenSettings:
    """Return the settings of a TOML file."""
    try:
        document = tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as exc:
        return GivenSettings(problems=(f"{path} is not TOML: {exc}",))
    except (OSError, UnicodeDecodeError) as exc:
        return GivenSettings(problems=(f"{path} cannot be read: {exc}",))
    known = {key for key, _ in fields()}
    values: dict[Key, GivenValue] = {}
    problems = []
    for key, value in _flat(document):
        *section, name = key
        place = f"{f'[{section[0]}] ' if section else ''}{name} in {path}"
        if key not in known:
            problems.append(_unknown(place, ".".join(key), map(".".join, known)))
        elif not _is_empty(value):
            values[key] = GivenValue(value, place)
    return GivenSettings(values, tuple(problems))


def _from_variables(
    variables: Mapping[str, str | None], raw: Mapping[str, str | None], origin: str
) -> GivenSettings:
    """Return the settings among variables; a secret is taken from the `raw` ones."""
    known = {variable(key): (key, is_secret(field)) for key, field in fields()}
    values: dict[Key, GivenValue] = {}
    problems = []
    for name, expanded in variables.items():
        place = f"{name} in {origin}"
        if not name.upper().startswith(PREFIX) or name.upper() == CONFIG_VARIABLE:
            continue
        if name.upper() not in known:
            problems.append(_unknown(place, name.upper(), known))
            continue
        key, secret = known[name.upper()]
        value = raw[name] if secret else expanded
        if not _is_empty(value):
            values[key] = GivenValue(value, place)
    return GivenSettings(values, tuple(problems))


def _unknown(place: str, name: str, known: Iterator[str] | Mapping[str, Any]) -> str:
    nearest = difflib.get_close_matches(name, list(known), 1)
    return f"{place}: there is no such setting" + (f"; is {nearest[0]} meant?" if nearest else "")


def _flat(document: Mapping[str, Any]) -> Iterator[tuple[Key, Any]]:
    """Each value of a document with its path; only a section of the settings is gone into."""
    for name, value in document.items():
        if isinstance(value, Mapping) and name in _sections():
            for key, inner in value.items():
                yield (name, key), inner
        else:
            yield (name,), value


def _sections() -> set[str]:
    return {key[0] for key, _ in fields(Settings) if len(key) > 1}


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not stripped(value))


def _is_foreign(name: str, value: str) -> bool:
    """Whether Kubernetes made a variable: `…_PORT` is a URL then, which no setting's port is."""
    found = _OF_KUBERNETES.fullmatch(name)
    return found is not None and (found[1] != "PORT" or "://" in value)


def is_file(path: Path) -> bool:
    """Whether a file is there; not in a directory that this user may not search."""
    try:
        return path.is_file()
    except OSError:
        return False


def _read(path: Path) -> str:
    """The text of a file, without a byte order mark."""
    return path.read_text(encoding="utf-8-sig")
