"""The types of settings: enumerations, lists between commas, URLs and networks."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Any

import yarl
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from collector.influx.generation import Generation


class Ipv6Mode(StrEnum):
    """Whether this vantage has IPv6."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"

    @property
    def forced(self) -> bool | None:
        """Whether there is IPv6 here; None if that is to be found out."""
        return {Ipv6Mode.ON: True, Ipv6Mode.OFF: False}.get(self)


class LogLevel(StrEnum):
    """The least level that is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class InfluxDbGeneration(StrEnum):
    """The generation of InfluxDB that is delivered to."""

    AUTO = "auto"
    V1 = "1"
    V1_8 = "1.8"
    V2 = "2"
    V3 = "3"

    @property
    def forced(self) -> Generation | None:
        """The generation; None if the server is to be asked."""
        return None if self is InfluxDbGeneration.AUTO else Generation(self.value)


def _split(value: Any) -> Any:
    """A list as the environment has it: words between commas."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value


def _base_url(value: str) -> str:
    url = yarl.URL(value)
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{value!r} is not an http or https URL")
    return value.rstrip("/")


def _none_if_empty(value: Any) -> Any:
    """An empty variable is the same as none."""
    return None if value == "" else value


def _as_text(value: Any) -> Any:
    """A number that is a name, as TOML may have it."""
    return str(value) if isinstance(value, int | float) else value


def _database_url(value: str) -> str:
    if yarl.URL(value).user is not None:
        raise ValueError("a name or password belongs into the token, as `user:password`")
    return _base_url(value)


def _cidr(value: str) -> str:
    ip_network(value)
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Urls = Annotated[
    tuple[Annotated[str, AfterValidator(_base_url)], ...], NoDecode, BeforeValidator(_split)
]
Networks = Annotated[
    tuple[Annotated[str, AfterValidator(_cidr)], ...], NoDecode, BeforeValidator(_split)
]
Seconds = Annotated[float, Field(gt=0)]
DatabaseUrl = Annotated[
    Annotated[str, AfterValidator(_database_url)] | None, BeforeValidator(_none_if_empty)
]
GenerationSetting = Annotated[InfluxDbGeneration, BeforeValidator(_as_text)]
Name = Annotated[str, BeforeValidator(_as_text)]
"""Text that TOML may have as a number."""
