"""Plays rounds through the state without a network: observations are given as letters."""

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

Observe = Callable[[VisitPlan], Observation]
"""Gives the observation of a visit."""


def node(number: int = 1, **other: Any) -> Node:
    """Return a node of its own for every number."""
    host = f"crn{number}.example.org"
    made = Node(digest(number), f"crn {number}", f"https://{host}", host, linked=True, score=0.5)
    return replace(made, **other)


def digest(number: int) -> str:
    """Return the hash of node `number`."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def config(version: str | None = "1.7.2", **other: Any) -> Config:
    """Return the configuration of a node of today."""
    return replace(Config(version, "0xpaid", True, False, False, None), **other)


def usage(*gpus: Gpu, **other: Any) -> Usage:
    """Return the usage of a node of today; without GPUs, it reports that it has none."""
    made = Usage(8, 0.5, 0.25, 0.125, 64e9, 32e9, 2e12, 1e12, "x86_64", "AuthenticAMD", gpus)
    return replace(made, **other)


def gpu(device_id: str = "10de:26b9", model: str | None = "L40S", **other: Any) -> Gpu:
    """Return one free card."""
    return replace(Gpu(device_id, model, "AD102GL", True, True), **other)


def good(node: Node, ipv6: Ipv6 | None = None, **other: Any) -> Observation:
    """Return the observation of a node whose endpoints all answered."""
    probes = [
        Probe(Endpoint.CONFIG, Failure.NONE, 200, 900, 0.03),
        Probe(Endpoint.USAGE, Failure.NONE, 200, 700, 0.02),
    ]
    if ipv6:
        probes.append(Probe(Endpoint.IPV6, Failure.NONE, 200, 30, 0.5))
    made = Observation(
        node=node,
        failure=Failure.NONE,
        probes=tuple(probes),
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
    """Return the observation of a visit that failed at the first probe, or was not dialled."""
    if failure.fault is Fault.POLICY:
        return Observation(node, failure)
    probe = Probe(Endpoint.CONFIG, failure, duration_seconds=5.0)
    return Observation(node, failure, (probe,), duration_seconds=5.0)


def unfinished(node: Node) -> Observation:
    """Return the observation of a node that had no turn before the round ended."""
    return Observation(node, Failure.ROUND_DEADLINE)


def working(vm: bool = True, host: bool = True) -> Ipv6:
    """Return IPv6 as the node reports it."""
    return Ipv6(Ipv6Method.STATUS, vm=vm, host=host, aaaa=True)


def plain(plan: VisitPlan) -> Observation:
    """Every endpoint answers, that of IPv6 too where it is due."""
    return good(plan.node, working() if plan.ipv6 else None)


def blocked(plan: VisitPlan) -> Observation:
    """No node answers."""
    return bad(plan.node)


_OBSERVED: Final[Mapping[str, Callable[[Node], Observation]]] = {
    "G": good,
    "B": bad,
    "S": lambda node: bad(node, Failure.SERVER_ERROR),
    "D": lambda node: bad(node, Failure.DNS_NOT_FOUND),
    "U": unfinished,
    "P": lambda node: bad(node, Failure.FORBIDDEN_ADDRESS),
    "X": bad,
    "A": good,
}
"""Good, Bad connection, Server error, Dead name, Unfinished, Policy; in a blind round: X no answer,
A an answer."""


@dataclass
class Rounds:
    """A collector's state, and a clock that moves by rounds only."""

    nodes: tuple[Node, ...] = field(default_factory=lambda: (node(),))
    rules: Rules = field(default_factory=Rules)
    settings: NetworkSettings = field(default_factory=NetworkSettings)
    time: int = START
    duplicates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    state: NodeTracker = field(init=False)
    kept: dict[str, bytes] = field(default_factory=dict)
    """The entries that a store would hold."""
    written: Mapping[str, bytes | None] = field(default_factory=dict)
    """The entries that the last round wrote."""
    plans: list[VisitPlan] = field(default_factory=list)
    """Of the last round."""

    def __post_init__(self) -> None:
        self.state = NodeTracker(self.rules)

    def play_round(
        self,
        observe: Observe | Iterable[Observation] = plain,
        reason: BlindReason = BlindReason.NONE,
        ipv6: bool = True,
    ) -> JudgedRound:
        """Play one round: visit what is due, judge, keep; then let an interval pass."""
        listing = Listing(self.nodes, self.settings, 10.0, self.duplicates)
        dialled = tuple(n for n in self.nodes if n.refused is Failure.NONE)
        self.plans = self.state.plans(replace(listing, nodes=dialled), self.time)
        refused = [Observation(n, n.refused) for n in self.nodes if n not in dialled]
        visited = [observe(plan) for plan in self.plans] if callable(observe) else list(observe)
        judged = self.state.judge(
            RoundContext(self.time, listing, reason, ipv6),
            {o.node.hash: o for o in (*refused, *visited)},
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
        """Begin again from what was kept."""
        self.state = NodeTracker.load(self.rules, dict(self.kept))

    def step(self, letter: str) -> JudgedRound | None:
        """Play a round by its letter; `-` is an interval without a round, `R` a restart."""
        if letter == "R":
            self.restart()
        elif letter == "-":
            self.time += self.rules.interval_seconds
        else:
            reason = BlindReason.CONTROLS if letter in "XA" else BlindReason.NONE
            return self.play_round(lambda plan: _OBSERVED[letter](plan.node), reason)
        return None

    def play(self, letters: str) -> list[JudgedRound]:
        """Play a round for every letter."""
        return [judged for letter in letters if (judged := self.step(letter))]


def only(judged: JudgedRound) -> NodeStatus:
    """Return the status of the only node."""
    (status,) = judged.statuses
    return status


def ups(rounds: Iterable[JudgedRound]) -> str:
    """Return `up` in each round: 1, 0 or `.` for absent."""
    return "".join({None: ".", True: "1", False: "0"}[only(j).up] for j in rounds)


def events(rounds: Iterable[JudgedRound]) -> list[Event]:
    """Return all events, in order."""
    return [event for judged in rounds for event in judged.events]


def kinds(rounds: Iterable[JudgedRound]) -> list[str]:
    """Return the kinds of all events, in order."""
    return [str(event.kind) for event in events(rounds)]


def points(judged: JudgedRound, measurement: type[Point]) -> list[Any]:
    """Return the round's points of one measurement."""
    return [p for p in points_of(judged, "here", "0") if type(p) is measurement]


def reachability(judged: JudgedRound) -> CrnReachability:
    """Return the reachability point of the only node."""
    (point,) = points(judged, CrnReachability)
    assert isinstance(point, CrnReachability)
    return point
