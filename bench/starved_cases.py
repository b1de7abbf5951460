"""The ways in which `bench/starved.py` starves the collector, or makes its way slow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from crn_simulator.script.fault import Fault
from crn_simulator.server.connection_faults import FaultDelays
from crn_simulator.server.network import NetworkOptions
from crn_simulator.server.route import Route

SINGLE, RUN, THROTTLED, SLOW_DNS, SLOW_ROUTE, SLOW_NODES = KINDS = (
    *("single", "run", "throttled", "slow_dns", "slow_route", "slow_nodes"),
)
_DNS_ROUTES: Final = (
    *(Route(seconds) for seconds in (0.3, 1.0, 2.0, 3.0, 4.0)),
    *(Route(0.05, seconds) for seconds in (0.5, 1.0, 2.0, 4.0)),
    *(Route(0.05, loss_ratio=ratio) for ratio in (0.1, 0.3, 0.5)),
)
_ROUTES: Final = (
    *(Route(seconds) for seconds in (0.3, 0.6, 1.0, 1.5, 2.5)),
    *(Route(0.1, seconds) for seconds in (0.2, 0.4, 0.8, 1.6)),
    *(Route(0.1, loss_ratio=ratio) for ratio in (0.05, 0.1, 0.2, 0.4)),
)
_PROCESSOR_SHARES: Final = (0.05, 0.1, 0.2)
_MEMORY_BYTES: Final = (70_000_000, 90_000_000)
"""What a collector of 600 nodes needs, and less."""
_SLOW_NODES_RATIO: Final = 0.33


@dataclass(frozen=True, slots=True)
class Case:
    """How the collector is starved, or its way is slow.

    busy: loops that share its processor. stopped_seconds: in each round. processor_share,
    memory_bytes: of its control group; 0 for no limit. route: see `Route`; of the name server in
    the kind `slow_dns`.
    """

    kind: str
    busy: int = 0
    stopped_seconds: float = 0.0
    processor_share: float = 0.0
    memory_bytes: int = 0
    round_trip_seconds: float = 0.0
    jitter_seconds: float = 0.0
    loss_ratio: float = 0.0

    def __str__(self) -> str:
        parts = {
            f"{self.busy} busy loops": self.busy,
            f"stopped for {self.stopped_seconds:g} s": self.stopped_seconds,
            f"{self.processor_share:.0%} of a processor": self.processor_share,
            f"{self.memory_bytes / 1e6:.0f} MB": self.memory_bytes,
            f"{self.round_trip_seconds:g} s": self.round_trip_seconds,
            f"{self.jitter_seconds:g} s more on average": self.jitter_seconds,
            f"{self.loss_ratio:.0%} lost": self.loss_ratio,
        }
        return ", ".join(text for text, value in parts.items() if value) or "-"

    @property
    def route(self) -> Route:
        """The way that is slow."""
        return Route(self.round_trip_seconds, self.jitter_seconds, self.loss_ratio)

    @property
    def network(self) -> NetworkOptions:
        """The options of the network, in which at most one way is slow."""
        if self.kind == SLOW_DNS:
            return NetworkOptions(dns_route=self.route)
        return NetworkOptions(route=self.route, delays=FaultDelays(accept_seconds=3.0))

    @property
    def shares(self) -> dict[Fault, float]:
        """Faults of nodes besides the silent ones."""
        return {Fault.SLOW_ACCEPT: _SLOW_NODES_RATIO} if self.kind == SLOW_NODES else {}


def cases_of(kind: str, busy: Sequence[int], stops: Sequence[float]) -> Iterator[Case]:
    """Yield the cases of one kind; `busy` and `stops` are for the kinds `single` and `run`."""
    match kind:
        case "slow_dns" | "slow_route":
            for way in _DNS_ROUTES if kind == SLOW_DNS else _ROUTES:
                limits = (way.round_trip_seconds, way.jitter_seconds, way.loss_ratio)
                yield Case(kind, 0, 0.0, 0.0, 0, *limits)
        case "throttled":
            yield from (Case(kind, processor_share=share) for share in _PROCESSOR_SHARES)
            yield from (Case(kind, memory_bytes=limit) for limit in _MEMORY_BYTES)
        case "slow_nodes":
            yield Case(kind)
        case _:
            yield from (Case(kind, loops) for loops in busy)
            yield from (Case(kind, 0, seconds) for seconds in stops)
