"""The generations of InfluxDB, and how they are told apart."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Reply:
    """A response of one of the endpoints by which generations are told apart."""

    status: int
    body: bytes
    build: str
    """The header `X-Influxdb-Build`, or ''."""

    @property
    def json_object(self) -> dict[str, object] | None:
        """The body as a JSON object; None if it is none."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return None
        return content if isinstance(content, dict) else None


def recognise(setup: Reply, ping: Reply, health: Reply) -> Generation | None:
    """Return the generation by the replies of `/api/v2/setup`, `/ping` and `/health`, or None.

    Versions are no help: a server built from source calls its own `unknown` or `dev`.
    """
    if setup.status == 200 and "allowed" in (setup.json_object or {}):
        return Generation.V2
    if ping.build in ("Core", "Enterprise"):
        return Generation.V3
    if ping.status == 200 and ping.json_object is not None:
        return Generation.V3
    if ping.status != 204:
        return None
    if health.status in (200, 503) and "status" in (health.json_object or {}):
        return Generation.V1_8
    return Generation.V1 if health.status == 404 else None
