"""A network of which most nodes are fuzzed, and what its rounds look like to the collector.

A few nodes answer as they should in every round: whatever the others send, their points must be
those that they have in a network of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from bench.fuzz.answer import Answer, FuzzedNode, valid_answer
from bench.fuzz.valid import TIME, ValidNode
from collector.model.batch import BatchLimits
from collector.model.listing import Listing, NetworkSettings
from collector.model.node import Node
from collector.model.observation import Ipv6Method, Observation
from collector.model.status import JudgedRound
from collector.model.vantage import BlindReason
from collector.schema.build import points_of
from collector.schema.column import Point
from collector.schema.measurements import MEASUREMENTS
from collector.schema.round_record import RoundRecord
from collector.state.context import RoundContext
from collector.state.rules import Rules
from collector.state.tracker import NodeTracker
from collector.store.table import Table
from collector.store.validation import ValidatedRound, validate
from crn_simulator.script.firmware import published_release
from crn_simulator.script.machine import COMPATIBLE_GPUS

HEALTHY: Final = 8
ZONE: Final = "fuzz.test"
_SETTINGS: Final = NetworkSettings(
    {card.device_id: str(card.model) for card in COMPATIBLE_GPUS}, published_release()
)


def node_of(index: int, port: int) -> Node:
    """Return a node as the directory lists it: its host has its number in it."""
    host = f"n{index}.{ZONE}"
    key = hashlib.sha256(host.encode()).hexdigest()
    return Node(key, f"node {index}", f"https://{host}:{port}", host, linked=True)


def number_of(host: str) -> int:
    """Return the number of the node that has this host, with or without a port."""
    return int(host.partition(".")[0].removeprefix("n"))


_TABLES: Final = {m.MEASUREMENT: Table.of(m) for m in MEASUREMENTS}


class FuzzedNetwork:
    """The answers of all nodes, round after round; the first few nodes are healthy."""

    def __init__(self, seed: str, size: int, port: int = 443) -> None:
        """Begin with the first round. `size`: number of nodes."""
        self.nodes = tuple(node_of(index, port) for index in range(size))
        self.round = 0
        self._seed = seed
        self._fuzzed: dict[int, FuzzedNode] = {}

    def healthy(self, index: int) -> ValidNode | None:
        """Return what a node is if it is healthy; None if it is fuzzed."""
        return ValidNode(6 + index, index % 3, 0, 0) if index < HEALTHY else None

    def fuzzed(self, index: int) -> FuzzedNode:
        """Return a fuzzed node in this round."""
        if index not in self._fuzzed:
            self._fuzzed[index] = FuzzedNode(f"{self._seed}/{self.round}", index)
        return self._fuzzed[index]

    def answer(self, index: int, path: str) -> Answer:
        """Return what a node answers in this round."""
        healthy = self.healthy(index)
        if healthy is None:
            return self.fuzzed(index).answer(path)
        return valid_answer(healthy, path)

    def ipv6_check(self, index: int) -> Ipv6Method | None:
        """Return whom this round asks about the node's IPv6; None asks nobody."""
        is_due = self.round % HEALTHY == index if index < HEALTHY else self.fuzzed(index).ipv6_due
        return Ipv6Method.STATUS if is_due else None

    def next_round(self) -> None:
        """Begin the next round."""
        self.round += 1
        self._fuzzed.clear()


@dataclass(frozen=True, slots=True)
class PlayedRound:
    """One round: what was seen, and what came of it."""

    observations: dict[str, Observation]
    judged: JudgedRound
    points: list[Point]
    validated: ValidatedRound


@dataclass(slots=True)
class RoundPlayer:
    """Judges the observations of round after round, as a crawler does."""

    nodes: tuple[Node, ...]
    tracker: NodeTracker = field(default_factory=NodeTracker)
    time: int = TIME
    kept: dict[str, bytes] = field(default_factory=dict)
    """What a store would hold of the state."""

    def play(self, observations: Iterable[Observation]) -> PlayedRound:
        """Judge one round, make its points and take over the state."""
        by_hash = {observation.node.hash: observation for observation in observations}
        listing = Listing(self.nodes, _SETTINGS, 1.0)
        context = RoundContext(self.time, listing, BlindReason.NONE, True)
        judged = self.tracker.judge(context, by_hash)
        points = list(points_of(judged, "default", "0"))
        changes = self.tracker.changes()
        record = RoundRecord(self.time, points, changes)
        validated = validate(record, _TABLES, BatchLimits())
        for key, body in changes.items():
            if body is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = body
        self.tracker.mark_saved()
        self.time += 60
        return PlayedRound(by_hash, judged, points, validated)

    def restarted(self) -> NodeTracker:
        """Return the tracker that a restart would begin with."""
        return NodeTracker.load(Rules(), dict(self.kept))
