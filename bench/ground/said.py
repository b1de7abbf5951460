"""What the points of one round say of each node."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from collector.schema.column import Point
from collector.schema.measurements import (
    Collector,
    CrnGpu,
    CrnIpv6,
    CrnProbe,
    CrnReachability,
    CrnVersion,
    Network,
    NetworkEvent,
)

_SLOW = frozenset({"/status/check/ipv6", "/vm/ip/6"})


STANDSTILL_SECONDS = 2.0
"""Longer than this, and a round is not to be trusted. Nobody but the collector can know it."""


@dataclass(slots=True)
class Said:
    """Everything that one round says of one node."""

    reachability: list[CrnReachability] = field(default_factory=list)
    """There must be exactly one."""
    version: str | None = None
    """None if it is not written in this round."""
    ipv6: CrnIpv6 | None = None
    asked_ipv6: bool = False
    """The slow check was made."""
    used: dict[tuple[str, str], int] = field(default_factory=dict)
    """GPUs taken, by model and device."""


@dataclass(slots=True)
class RoundSaid:
    """Everything that one round says."""

    nodes: dict[str, Said] = field(default_factory=dict)
    events: list[NetworkEvent] = field(default_factory=list)
    reason: str = ""
    """Why the vantage could not see."""
    lag_seconds: float = 0.0
    """How long the collector stood still."""

    def expected_reason(self, controls: str, own: str = "none") -> str:
        """Why it cannot see: by its controls, by a standstill that it measured, or else."""
        if controls != "none":
            return controls
        return "loop_lag" if self.lag_seconds > STANDSTILL_SECONDS else own


def said(points: Iterable[Point]) -> RoundSaid:
    """Sort the points of a round by what they are about."""
    whole = RoundSaid()
    for point in points:
        match point:
            case CrnReachability():
                whole.nodes.setdefault(point.node, Said()).reachability.append(point)
            case CrnVersion():
                whole.nodes.setdefault(point.node, Said()).version = point.version
            case CrnIpv6():
                whole.nodes.setdefault(point.node, Said()).ipv6 = point
            case CrnGpu():
                used = whole.nodes.setdefault(point.node, Said()).used
                used[point.model, point.device_id] = point.used
            case CrnProbe() if point.endpoint in _SLOW:
                whole.nodes.setdefault(point.node, Said()).asked_ipv6 = True
            case Network():
                whole.reason = point.vantage_reason
            case NetworkEvent():
                whole.events.append(point)
            case Collector():
                whole.lag_seconds = point.loop_lag_seconds
    return whole
