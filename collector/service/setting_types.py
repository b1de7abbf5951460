"""The kinds of settings, one for each sort of value: what is taken, and in which form it is kept.

Every text is cleaned by `cleaned` before its kind sees it.
"""

from __future__ import annotations

import os
import re
import unicodedata
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from collector.directory.address import parse_configured
from collector.times import DAY

FOREVER: Final = "forever"
CENTURY_DAYS: Final = 36_500
_LONGEST_TEXT: Final = 65_536
_LONGEST_PATH: Final = 4_095
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that no value has: controls, formats, bytes that are no UTF-8."""
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_API_PATH: Final = re.compile(r"/(api(/.*)?|write|query|ping|health|orgs/.*|signin)$", re.ASCII)
_PORT: Final = re.compile(r"[0-9]{1,5}", re.ASCII)


def cleaned(value: Any) -> Any:
    """Return a value as its kind may see it: text stripped, and no empty text in a list.

    Raise ValueError for text with control characters, for too much of it, and for true and false,
    which no setting is.
    """
    if isinstance(value, bool):
        raise ValueError("must not be true or false")  # noqa: TRY004 (pydantic collects these)
    if isinstance(value, list | tuple):
        return [word for word in map(cleaned, value) if word != ""]
    if not isinstance(value, str):
        return value
    text = stripped(value)
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"must have at most {_LONGEST_TEXT:,} characters")
    for character in text:
        if unicodedata.category(character) in _INVISIBLE:
            raise ValueError(f"must not have the control character U+{ord(character):04X}")
    return text


def stripped(text: str) -> str:
    """Return text without blanks and byte order marks around it."""
    return text.strip().strip("\ufeff").strip()


def _as_text(value: Any) -> Any:
    """A number that is a name, as TOML may have it."""
    return str(value) if isinstance(value, int | float) else value


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError(
            "must be 1 to 64 letters, digits, dots, hyphens and underscores, "
            "the first a letter or digit"
        )
    return text


def _hash(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text.lower()):
        raise ValueError("must be 64 hexadecimal digits")
    return text.lower()


def _home_expanded(path: Path) -> Path:
    try:
        expanded = path.expanduser()
    except RuntimeError:
        raise ValueError("begins with ~, but that home directory is not known") from None
    if len(os.fsencode(expanded)) > _LONGEST_PATH:
        raise ValueError(f"must have at most {_LONGEST_PATH:,} bytes")
    return expanded


def _or_forever(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(value, str) and value.lower() == FOREVER:
        return None
    try:
        return handler(value)
    except ValueError as exc:
        raise ValueError(
            f"must be a number of days from 1 to {CENTURY_DAYS:,}, or `{FOREVER}`"
        ) from exc


def _split(value: Any) -> Any:
    """A list as the environment has it: words between commas."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value


def _base_url(text: str) -> str:
    url = parse_configured(text).text
    if found := _API_PATH.search(url.partition("://")[2]):
        raise ValueError(f"must be the address of the server alone, without {found[0]}")
    return url


def _database_url(text: str) -> str:
    if "://" not in text:
        raise ValueError("must begin with http:// or https://")
    if "@" in text:
        raise ValueError(
            "must have no user name or password: they belong into `token`, as `user:password`"
        )
    if "?" in text or "#" in text:
        raise ValueError(
            "must have no query or fragment: the database belongs into `bucket`, "
            "credentials into `token`"
        )
    return _base_url(text)


def _forbidden_host(text: str) -> str:
    host = text.removeprefix("*.").removeprefix(".")
    try:
        return str(ip_address(host))
    except ValueError:
        return parse_configured(host).host


def _nameserver(text: str) -> str:
    """An IP address, with a port or without; IPv6 with a port in brackets."""
    bracketed = re.fullmatch(r"\[(.*)\](?::(.*))?", text)
    plain = text.count(":") == 1 and text.split(":")
    address, port = bracketed.groups() if bracketed else plain or (text, None)
    try:
        ip = ip_address(address)
    except ValueError:
        ip = None
    if ip is None or "%" in address:
        raise ValueError("must be an IP address such as 9.9.9.9, 9.9.9.9:53 or [2620:fe::fe]:53")
    if port is None:
        return str(ip)
    if not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
        raise ValueError("must have a port from 1 to 65535")
    return f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}"


def _cidr(text: str) -> str:
    return str(ip_network(text))


Count = Annotated[int, Field(ge=1, le=1_000_000)]
Bytes = Annotated[int, Field(ge=1024, le=1024**4)]
Seconds = Annotated[float, Field(gt=0, le=DAY, allow_inf_nan=False)]
SecondsOrNone = Annotated[float, Field(ge=0, le=DAY, allow_inf_nan=False)]
"""0 for no time at all."""
Days = Annotated[float, Field(gt=0, le=CENTURY_DAYS, allow_inf_nan=False)]
RetentionDays = Annotated[
    Annotated[float, Field(ge=1, le=CENTURY_DAYS, allow_inf_nan=False)] | None,
    WrapValidator(_or_forever),
    PlainSerializer(lambda days: FOREVER if days is None else days),
]
"""None is for ever."""
WholeRetentionDays = Annotated[
    Annotated[int, Field(ge=1, le=CENTURY_DAYS)] | None,
    WrapValidator(_or_forever),
    PlainSerializer(lambda days: FOREVER if days is None else days),
]
"""None is for ever."""
Text = Annotated[str, BeforeValidator(_as_text), Field(max_length=256)]
Label = Annotated[str, BeforeValidator(_as_text), AfterValidator(_label)]
"""A name that becomes a tag."""
ProgramHash = Annotated[str, AfterValidator(_hash)]
Secret = Annotated[
    SecretStr,
    BeforeValidator(_as_text),
    PlainSerializer(lambda secret: "***" if secret.get_secret_value() else ""),
]
FilePath = Annotated[Path, AfterValidator(_home_expanded)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
Urls = Annotated[
    tuple[Annotated[str, AfterValidator(_base_url)], ...],
    BeforeValidator(_split),
]
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(_forbidden_host)], ...], BeforeValidator(_split)
]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_cidr)], ...], BeforeValidator(_split)]
NameServers = Annotated[
    tuple[Annotated[str, AfterValidator(_nameserver)], ...], BeforeValidator(_split)
]
