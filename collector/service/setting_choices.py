"""Settings that take one of a few words."""

from __future__ import annotations

from enum import StrEnum

from collector.influx.generation import Generation


class _Choice(StrEnum):
    """One of a few words, in any case; a number if a file has it so."""

    @classmethod
    def _missing_(cls, value: object) -> _Choice | None:
        return next((member for member in cls if member.lower() == str(value).lower()), None)


class Ipv6Mode(_Choice):
    """Whether this vantage has IPv6."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"

    @property
    def forced(self) -> bool | None:
        """Whether there is IPv6 here; None if that is to be found out."""
        return {Ipv6Mode.ON: True, Ipv6Mode.OFF: False}.get(self)


class LogLevel(_Choice):
    """The least level that is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class InfluxDbGeneration(_Choice):
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
