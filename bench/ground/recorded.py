"""What the points of one round record, sorted by node."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from collector.schema.column import Point
from collector.schema.measurements import (
    Collector,
    CrnGpu,
    CrnIpv6,
    CrnProbe,
    CrnReachability,
    CrnUsage,
    CrnVersion,
    Network,
    NetworkEvent,
)

STARVED_SECONDS: Final = 1.0
"""How late the event loop is, in sum within 5 seconds, where visits are starved."""
OWN_SHARE: Final = 0.25
"""Share of starved visits above which a round is not trusted."""
_DIAGNOSTIC_VM: Final = "/vm/ip/6"
_IPV6_ENDPOINTS: Final = frozenset({"/status/check/ipv6", _DIAGNOSTIC_VM})


@dataclass(slots=True)
class RecordedNode:
    """What one round records of one node.

    reachability: there must be exactly one. version, ipv6: None if not written in this round.
    asked_ipv6: the IPv6 check was made. asked_vm: of the diagnostic VM.
    gpus_used: GPUs in use by model and device.
    usage: None if not written. in_part: a response was read without some of its keys.
    """

    reachability: list[CrnReachability] = field(default_factory=list)
    version: str | None = None
    ipv6: CrnIpv6 | None = None
    asked_ipv6: bool = False
    asked_vm: bool = False
    gpus_used: dict[tuple[str, str], int] = field(default_factory=dict)
    usage: CrnUsage | None = None
    in_part: bool = False


@dataclass(slots=True)
class RecordedRound:
    """What one round records.

    reason: why the vantage was blind; `none` if it was not.
    lag_seconds: how late the collector's event loop was, in sum within 5 seconds.
    """

    nodes: dict[str, RecordedNode] = field(default_factory=dict)
    events: list[NetworkEvent] = field(default_factory=list)
    reason: str = ""
    lag_seconds: float = 0.0

    def expected_reason(self, controls: str, own: str = "none") -> str:
        """Return why the round must be blind: by its controls, by starved visits, or `own`."""
        if controls != "none":
            return controls
        tried = [points[0] for n in self.nodes.values() if (points := n.reachability)]
        starved = sum(point.failure == "starved" for point in tried)
        visited = sum(bool(point.probed) or point.failure == "round_deadline" for point in tried)
        return "starved" if self.stood_still and starved > OWN_SHARE * visited else own

    @property
    def stood_still(self) -> bool:
        """The collector may have been starved, by its own figure: nobody else can know."""
        return self.lag_seconds >= STARVED_SECONDS


def recorded_round(points: Iterable[Point]) -> RecordedRound:
    """Return what the points of a round record."""
    recorded = RecordedRound()

    def node(name: str) -> RecordedNode:
        return recorded.nodes.setdefault(name, RecordedNode())

    for point in points:
        match point:
            case CrnReachability():
                node(point.node).reachability.append(point)
            case CrnVersion():
                node(point.node).version = point.version
            case CrnIpv6():
                node(point.node).ipv6 = point
            case CrnGpu():
                node(point.node).gpus_used[point.model, point.device_id] = point.used
            case CrnUsage():
                node(point.node).usage = point
            case CrnProbe() if point.endpoint in _IPV6_ENDPOINTS:
                node(point.node).asked_ipv6 = True
                node(point.node).asked_vm |= point.endpoint == _DIAGNOSTIC_VM
            case CrnProbe() if point.unread:
                node(point.node).in_part = True
            case Network():
                recorded.reason = point.vantage_reason
            case NetworkEvent():
                recorded.events.append(point)
            case Collector():
                recorded.lag_seconds = point.loop_late_seconds
    return recorded
