"""Plays rounds through the state without a network: what is seen is given as letters."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from collector.model.event import Event
from collector.model.failure import Failure, Fault
from collector.model.listing import Listing, NetworkSettings
from collector.model.node import Node
from collector.model.observation import (
    Config,
    Endpoint,
    Gpu,
    Ipv6,
    Ipv6Method,
    Observation,
    Phases,
    Probe,
    Usage,
)
from collector.model.status import JudgedRound, NodeStatus
from collector.model.vantage import BlindReason
from collector.schema.build import points_of
from collector.schema.column import Point
from collector.schema.measurements import CrnReachability
from collector.state.context import RoundContext
from collector.state.plan import VisitPlan
from collector.state.rules import Rules
from collector.state.tracker import NodeTracker

START: Final = 1_800_000_000
"""Time of the first round; a whole number of hours."""
MINUTE: Final = 60

Eyes = Callable[[VisitPlan], Observation]
"""What a look at a node gives."""


def node(number: int = 1, **other: Any) -> Node:
    """A node of its own for every number."""
    host = f"crn{number}.example.org"
    made = Node(digest(number), f"crn {number}", f"https://{host}", host, linked=True, score=0.5)
    return replace(made, **other)


def digest(number: int) -> str:
    """The hash of node `number`."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def config(version: str | None = "1.7.2", **other: Any) -> Config:
    """What a node of today says of itself."""
    return replace(Config(version, "0xpaid", True, False, False, None), **other)


def usage(*gpus: Gpu, **other: Any) -> Usage:
    """What a node of today says of its resources; without GPUs, that it has none."""
    made = Usage(8, 0.5, 0.25, 0.125, 64e9, 32e9, 2e12, 1e12, "x86_64", "AuthenticAMD", gpus)
    return replace(made, **other)


def gpu(device_id: str = "10de:26b9", model: str | None = "L40S", **other: Any) -> Gpu:
    """One free card."""
    return replace(Gpu(device_id, model, "AD102GL", True, True), **other)


def good(node: Node, ipv6: Ipv6 | None = None, **other: Any) -> Observation:
    """A look at a node that is well."""
    attempts = [
        Probe(Endpoint.CONFIG, Failure.NONE, 200, 900, 0.03),
        Probe(Endpoint.USAGE, Failure.NONE, 200, 700, 0.02),
    ]
    if ipv6:
        attempts.append(Probe(Endpoint.IPV6, Failure.NONE, 200, 30, 0.5))
    made = Observation(
        node=node,
        failure=Failure.NONE,
        attempts=tuple(attempts),
        phases=Phases(0.01, 0.02, 0.03, 0.04),
        duration_seconds=0.2,
        cert_expiry_seconds=1e6,
        version="1.7.2",
        version_source="config",
        config=config(),
        usage=usage(),
        ipv6=ipv6,
    )
    return replace(made, **other)


def bad(node: Node, failure: Failure = Failure.CONNECT_TIMEOUT) -> Observation:
    """A look that failed at the first check; not dialled at all if the round had no time."""
    if failure.fault is Fault.POLICY:
        return Observation(node, failure)
    attempt = Probe(Endpoint.CONFIG, failure, duration_seconds=5.0)
    return Observation(node, failure, (attempt,), duration_seconds=5.0)


def unfinished(node: Node) -> Observation:
    """The round ended before the node had its turn."""
    return Observation(node, Failure.ROUND_DEADLINE)


def working(vm: bool = True, host: bool = True) -> Ipv6:
    """IPv6 by the node's own word."""
    return Ipv6(Ipv6Method.STATUS, vm=vm, host=host, aaaa=True)


def plain(order: VisitPlan) -> Observation:
    """Every node is well, and its IPv6 too where it is due."""
    return good(order.node, working() if order.ipv6 else None)


def blocked(order: VisitPlan) -> Observation:
    """No node answers."""
    return bad(order.node)


_SEEN: Final[Mapping[str, Callable[[Node], Observation]]] = {
    "G": good,
    "B": bad,
    "S": lambda node: bad(node, Failure.SERVER_ERROR),
    "D": lambda node: bad(node, Failure.DNS_NOT_FOUND),
    "U": unfinished,
    "P": lambda node: bad(node, Failure.FORBIDDEN_ADDRESS),
    "X": bad,
    "A": good,
}
"""Good, Bad connection, Server error, Dead name, Unfinished, Policy; in a blind round: X nothing,
A an answer all the same."""


@dataclass
class Rounds:
    """A collector's state, and a clock that only moves when it is told to."""

    nodes: tuple[Node, ...] = field(default_factory=lambda: (node(),))
    rules: Rules = field(default_factory=Rules)
    settings: NetworkSettings = field(default_factory=NetworkSettings)
    time: int = START
    duplicates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    state: NodeTracker = field(init=False)
    kept: dict[str, bytes] = field(default_factory=dict)
    """What a store would hold."""
    written: Mapping[str, bytes | None] = field(default_factory=dict)
    """What the last round wrote."""
    plans: list[VisitPlan] = field(default_factory=list)
    """Of the last round."""

    def __post_init__(self) -> None:
        self.state = NodeTracker(self.rules)

    def look(
        self,
        eyes: Eyes | Iterable[Observation] = plain,
        reason: BlindReason = BlindReason.NONE,
        ipv6: bool = True,
    ) -> JudgedRound:
        """One round: looks at what is due, judges, keeps, and lets an interval pass."""
        listing = Listing(self.nodes, self.settings, 10.0, self.duplicates)
        dialled = tuple(n for n in self.nodes if n.refused is Failure.NONE)
        self.plans = self.state.plans(replace(listing, nodes=dialled), self.time)
        refused = [Observation(n, n.refused) for n in self.nodes if n not in dialled]
        seen = [eyes(order) for order in self.plans] if callable(eyes) else list(eyes)
        judged = self.state.judge(
            RoundContext(self.time, listing, reason, ipv6),
            {o.node.hash: o for o in (*refused, *seen)},
        )
        self.written = self.state.changes()
        for key, body in self.written.items():
            if body is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = body
        self.state.mark_saved()
        self.time += self.rules.interval_seconds
        return judged

    def restart(self) -> None:
        """Forget everything but what was kept."""
        self.state = NodeTracker.load(self.rules, dict(self.kept))

    def step(self, letter: str) -> JudgedRound | None:
        """A round by its letter; `-` is an interval without a round, `R` a restart."""
        if letter == "R":
            self.restart()
        elif letter == "-":
            self.time += self.rules.interval_seconds
        else:
            reason = BlindReason.CONTROLS if letter in "XA" else BlindReason.NONE
            return self.look(lambda order: _SEEN[letter](order.node), reason)
        return None

    def play(self, letters: str) -> list[JudgedRound]:
        """A round for every letter."""
        return [judged for letter in letters if (judged := self.step(letter))]


def only(judged: JudgedRound) -> NodeStatus:
    """The verdict on the only node."""
    (status,) = judged.statuses
    return status


def ups(judgements: Iterable[JudgedRound]) -> str:
    """What `up` was in each round: 1, 0 or `.` for absent."""
    return "".join({None: ".", True: "1", False: "0"}[only(j).up] for j in judgements)


def events(judgements: Iterable[JudgedRound]) -> list[Event]:
    """All events, in order."""
    return [event for judged in judgements for event in judged.events]


def kinds(judgements: Iterable[JudgedRound]) -> list[str]:
    """The kinds of all events, in order."""
    return [str(event.kind) for event in events(judgements)]


def points(judged: JudgedRound, measurement: type[Point]) -> list[Any]:
    """The round's points of one measurement."""
    return [p for p in points_of(judged, "here", "0") if type(p) is measurement]


def reachability(judged: JudgedRound) -> CrnReachability:
    """The reachability point of the only node."""
    (point,) = points(judged, CrnReachability)
    assert isinstance(point, CrnReachability)
    return point
