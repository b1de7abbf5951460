"""Plays rounds through the state without a network: what is seen is given as letters."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from collector.failure import Failure, Fault
from collector.listing import Listing, NetworkSettings
from collector.measurement import Point
from collector.node import Node
from collector.observation import (
    Attempt,
    Config,
    Endpoint,
    Gpu,
    Ipv6,
    Ipv6Method,
    Observation,
    Phases,
    Usage,
)
from collector.points import Reachability, points_of
from collector.state.event import Event
from collector.state.judge import Order, Rules, State
from collector.state.verdict import Judgement, Verdict
from collector.vantage import Reason, Sight

START: Final = 1_800_000_000
"""Time of the first round; a whole number of hours."""
MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400

Eyes = Callable[[Order], Observation]
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
        Attempt(Endpoint.CONFIG, Failure.NONE, 200, 900, 0.03),
        Attempt(Endpoint.USAGE, Failure.NONE, 200, 700, 0.02),
    ]
    if ipv6:
        attempts.append(Attempt(Endpoint.IPV6, Failure.NONE, 200, 30, 0.5))
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
    attempt = Attempt(Endpoint.CONFIG, failure, duration_seconds=5.0)
    return Observation(node, failure, (attempt,), duration_seconds=5.0)


def unfinished(node: Node) -> Observation:
    """The round ended before the node had its turn."""
    return Observation(node, Failure.ROUND_DEADLINE)


def working(vm: bool = True, host: bool = True) -> Ipv6:
    """IPv6 by the node's own word."""
    return Ipv6(Ipv6Method.STATUS, vm=vm, host=host, aaaa=True)


def plain(order: Order) -> Observation:
    """Every node is well, and its IPv6 too where it is due."""
    return good(order.node, working() if order.ipv6 else None)


def blocked(order: Order) -> Observation:
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
    state: State = field(init=False)
    kept: dict[str, bytes] = field(default_factory=dict)
    """What a store would hold."""
    orders: list[Order] = field(default_factory=list)
    """Of the last round."""

    def __post_init__(self) -> None:
        self.state = State(self.rules)

    def look(
        self,
        eyes: Eyes | Iterable[Observation] = plain,
        reason: Reason = Reason.NONE,
        ipv6: bool = True,
    ) -> Judgement:
        """One round: looks at what is due, judges, keeps, and lets an interval pass."""
        dialled = [n for n in self.nodes if n.refused is Failure.NONE]
        self.orders = self.state.orders(self.time, dialled)
        refused = [Observation(n, n.refused) for n in self.nodes if n not in dialled]
        seen = [eyes(order) for order in self.orders] if callable(eyes) else list(eyes)
        listing = Listing(self.nodes, self.settings, 10.0, self.duplicates)
        judgement = self.state.judge(
            self.time,
            listing,
            {o.node.hash: o for o in (*refused, *seen)},
            reason,
            Sight(reason, ipv6),
        )
        for key, body in self.state.changes().items():
            if body is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = body
        self.time += self.rules.interval_seconds
        return judgement

    def restart(self) -> None:
        """Forget everything but what was kept."""
        self.state = State.load(self.rules, dict(self.kept))

    def step(self, letter: str) -> Judgement | None:
        """A round by its letter; `-` is an interval without a round, `R` a restart."""
        if letter == "R":
            self.restart()
        elif letter == "-":
            self.time += self.rules.interval_seconds
        else:
            reason = Reason.CONTROLS if letter in "XA" else Reason.NONE
            return self.look(lambda order: _SEEN[letter](order.node), reason)
        return None

    def play(self, letters: str) -> list[Judgement]:
        """A round for every letter."""
        return [judgement for letter in letters if (judgement := self.step(letter))]


def only(judgement: Judgement) -> Verdict:
    """The verdict on the only node."""
    (verdict,) = judgement.verdicts
    return verdict


def ups(judgements: Iterable[Judgement]) -> str:
    """What `up` was in each round: 1, 0 or `.` for absent."""
    return "".join({None: ".", True: "1", False: "0"}[only(j).up] for j in judgements)


def events(judgements: Iterable[Judgement]) -> list[Event]:
    """All events, in order."""
    return [event for judgement in judgements for event in judgement.events]


def kinds(judgements: Iterable[Judgement]) -> list[str]:
    """The kinds of all events, in order."""
    return [str(event.kind) for event in events(judgements)]


def points(judgement: Judgement, measurement: type[Point]) -> list[Any]:
    """The round's points of one measurement."""
    return [p for p in points_of(judgement, "here") if type(p) is measurement]


def reachability(judgement: Judgement) -> Reachability:
    """The reachability point of the only node."""
    (point,) = points(judgement, Reachability)
    assert isinstance(point, Reachability)
    return point
