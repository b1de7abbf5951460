"""The generations of InfluxDB, and how they are told apart."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from collector.influx.server_answer import ServerAnswer

_BUILDS_3: Final = ("Core", "Enterprise")
"""The header `X-Influxdb-Build` of 3.x."""


class Generation(StrEnum):
    """Which API a server has."""

    V1 = "1"
    """1.x before 1.8: `/write` alone."""
    V1_8 = "1.8"
    """1.8 and later 1.x: has `/api/v2/write`."""
    V2 = "2"
    V3 = "3"

    @property
    def is_1(self) -> bool:
        """Whether it has databases that InfluxQL creates, and no organisations."""
        return self in (Generation.V1, Generation.V1_8)


def recognise(setup: ServerAnswer, ping: ServerAnswer, health: ServerAnswer) -> Generation | None:
    """Return the generation by the answers of `/api/v2/setup`, `/ping` and `/health`, or None.

    Versions are no help: a server built from source calls its own `unknown` or `dev`.
    """
    if setup.status == 200 and "allowed" in setup.json_object:
        return Generation.V2
    if ping.status == 200 and (ping.build in _BUILDS_3 or "version" in ping.json_object):
        return Generation.V3
    if ping.status != 204:
        return None
    if health.status in (200, 503) and "status" in health.json_object:
        return Generation.V1_8
    return Generation.V1 if health.status == 404 else None
