"""Judges a round: what it says of each node, after what is remembered of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter

from collector.failure import Failure, Fault
from collector.listing import Listing
from collector.node import Node
from collector.observation import Observation
from collector.state import ladder, told
from collector.state.cadence import due
from collector.state.event import Event, Kind
from collector.state.hysteresis import Hysteresis
from collector.state.memory import NodeMemory, pack, unpack
from collector.state.names import Names
from collector.state.verdict import Judgement, Verdict
from collector.text import release_of
from collector.vantage import Reason, Sight, excuse

log = logging.getLogger(__name__)

LOST_SECONDS: Final = 7 * ladder.DAY
LEFT_SECONDS: Final = ladder.DAY
"""A node that is listed again within this time is the one that it was."""
_FRESH_INTERVALS: Final = 3
_SUSPICIOUS_SHARE: Final = 0.02
_SUSPICIOUS_NODES: Final = 3
_LAST_ROUND: Final = "round"
_BOUNDED: Final = ("models", "devices", "releases")


@dataclass(frozen=True, slots=True)
class Rules:
    """How rounds are judged."""

    interval_seconds: int = 60
    ipv6_interval_seconds: int = 6 * ladder.HOUR
    hysteresis: Hysteresis = field(default_factory=Hysteresis)


@dataclass(frozen=True, slots=True)
class Order:
    """What the next round does with one node."""

    node: Node
    ipv6: bool
    """Its slow IPv6 check is due."""
    hung: bool
    """It kept us waiting last time: it goes through the lane."""
    evidence_at: int
    """When it was last judged by evidence; 0 if never. The oldest go first."""


@dataclass(slots=True)
class State:
    """The memory of all nodes. `judge` changes it; `changes` is what then goes to the store."""

    rules: Rules = field(default_factory=Rules)
    memories: dict[str, NodeMemory] = field(default_factory=dict)
    names: dict[str, Names] = field(default_factory=lambda: {key: Names() for key in _BOUNDED})
    last_round: int | None = None
    _forgotten: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, rules: Rules, entries: Mapping[str, bytes]) -> State:
        """From what the store kept. An entry that cannot be read is forgotten, with a warning."""
        state = cls(rules)
        for key, body in entries.items():
            kind, _, name = key.partition(":")
            try:
                if kind == "node":
                    state.memories[name] = unpack(body)
                elif kind == "names":
                    state.names[name] = _NAMES.validate_json(body)
                elif kind == _LAST_ROUND:
                    state.last_round = int(body)
            except ValueError as exc:
                log.warning("the state of %s cannot be read and begins anew: %s", key, exc)
        return state

    def changes(self) -> dict[str, bytes | None]:
        """What the store is to keep since the last round; None deletes."""
        entries: dict[str, bytes | None] = {f"node:{key}": None for key in self._forgotten}
        entries |= {f"node:{key}": pack(memory) for key, memory in self.memories.items()}
        entries |= {f"names:{key}": _NAMES.dump_json(names) for key, names in self.names.items()}
        if self.last_round is not None:
            entries[_LAST_ROUND] = str(self.last_round).encode()
        return entries

    def orders(self, time: int, nodes: Iterable[Node]) -> list[Order]:
        """Which nodes the round at `time` looks at, and how."""
        self._rewind(time)
        return [order for node in nodes if (order := self._order(time, node))]

    def _order(self, time: int, node: Node) -> Order | None:
        memory = self.memories.get(node.hash)
        if memory is None:
            return Order(node, ipv6=False, hung=False, evidence_at=0)
        if memory.address == node.address and not ladder.asks(memory, time, node.fraction()):
            return None
        asked = memory.ipv6_at if memory.ipv6_at is not None else memory.first_at
        slow = due(time, asked, self.rules.ipv6_interval_seconds, node.fraction("ipv6"))
        return Order(
            node,
            ipv6=slow or memory.ipv6_doubted,
            hung=memory.failure.hung,
            evidence_at=memory.evidence_at or 0,
        )

    def suspicious(self, observations: Iterable[Observation]) -> bool:
        """Whether so many nodes failed together that the controls should be asked again."""
        tried = failed = 0
        for observation in observations:
            memory = self.memories.get(observation.node.hash)
            tried += 1
            if observation.failure.clouded and (memory is None or memory.up is not False):
                failed += 1
        return failed >= max(_SUSPICIOUS_NODES, _SUSPICIOUS_SHARE * tried)

    def judge(
        self,
        time: int,
        listing: Listing,
        observations: Mapping[str, Observation],
        reason: Reason,
        sight: Sight,
    ) -> Judgement:
        """Judge the round at `time`, an observation for every node that was looked at."""
        events: list[Event] = []
        self._rewind(time)
        verdicts = [
            self._judge_node(
                time, node, listing, observations.get(node.hash), reason, sight, events
            )
            for node in listing.nodes
        ]
        events += self._duplicates(listing)
        events += self._leave(time, listing)
        self.last_round = time
        return Judgement(
            time=time,
            settings=listing.settings,
            directory_age_seconds=listing.age_seconds,
            verdicts=tuple(verdicts),
            events=tuple(events),
            reason=reason,
            ipv6=sight.ipv6,
            models=self.names["models"].current(time),
            releases=self.names["releases"].current(time),
        )

    def _judge_node(
        self,
        time: int,
        node: Node,
        listing: Listing,
        observation: Observation | None,
        reason: Reason,
        sight: Sight,
        events: list[Event],
    ) -> Verdict:
        if observation:
            observation = excuse(observation, reason, sight.ipv6)
        memory = self._recall(time, node, events)
        if observation:
            events += self._weigh(time, node, memory, observation)
        written = told.written(memory, time, node, observation, events)
        believed = told.ipv6(memory, time, observation) if observation else None
        age = None if memory.evidence_at is None else max(0.0, float(time - memory.evidence_at))
        policy = memory.failure.fault is Fault.POLICY
        fresh = age is not None and age <= _FRESH_INTERVALS * self.rules.interval_seconds
        horizon = 2 * self.rules.ipv6_interval_seconds
        released = release_of(memory.version or "")
        wanted = release_of(listing.settings.last_crn_version or "")
        return Verdict(
            node=node,
            name=memory.name,
            observation=observation,
            failure=memory.failure,
            up=None if policy else memory.up,
            since=None if policy or memory.up is None else memory.changed_at,
            lost=not policy and self._lost(time, memory),
            fresh=fresh and not policy and reason is Reason.NONE,
            evidence_age_seconds=age,
            outdated=released < wanted if released and wanted else None,
            ipv6=believed,
            ipv6_ok=(
                memory.ipv6_ok
                if memory.ipv6_measured_at is not None and time - memory.ipv6_measured_at <= horizon
                else None
            ),
            release=self._release(time, released),
            **written,
            gpus=told.gpus(memory, time, node, observation, listing.settings, self.names, events),
        )

    def _recall(self, time: int, node: Node, events: list[Event]) -> NodeMemory:
        """The memory of a listed node, in step with its entry; a new one for a new node."""
        memory = self.memories.get(node.hash)
        if memory is None:
            memory = NodeMemory(node.display_name, time, node.address, time)
            self.memories[node.hash] = memory
            if self.last_round is not None:
                events.append(told.joined(node, memory.name))
            return memory
        if memory.left_at is not None:
            memory.left_at = None
            events.append(told.joined(node, memory.name))
        if memory.name != node.display_name and time - memory.name_at >= ladder.DAY:
            events.append(told.renamed(node, memory))
            memory.name, memory.name_at = node.display_name, time
        if memory.address != node.address:
            events.append(told.moved(node, memory))
            memory.address = node.address
            memory.evidence.clear()
            memory.ipv6_ok = memory.ipv6_measured_at = None
            memory.ipv6_doubted = False
        return memory

    def _weigh(
        self, time: int, node: Node, memory: NodeMemory, observation: Observation
    ) -> list[Event]:
        """Take the observation in; the events that follow from it."""
        memory.failure = observation.failure
        if not (observation.reachable or observation.failure.counts):
            return []
        gap = _FRESH_INTERVALS * self.rules.interval_seconds
        if memory.evidence_at is not None and time - memory.evidence_at > gap:
            memory.evidence.clear()
        before = memory.changed_at
        changed = self.rules.hysteresis.weigh(memory, time, observation.reachable)
        if memory.up:
            memory.last_up_at = time
        if not changed:
            return []
        return [told.up(node, memory, before) if memory.up else told.down(node, memory)]

    def _lost(self, time: int, memory: NodeMemory) -> bool:
        if memory.up is not False or memory.last_up_at is None:
            return False
        return time - memory.last_up_at <= LOST_SECONDS

    def _release(self, time: int, release: tuple[int, int, int] | None) -> str | None:
        if release is None:
            return None
        return self.names["releases"].admit(".".join(map(str, release)), time)

    def _duplicates(self, listing: Listing) -> list[Event]:
        events = []
        shared: dict[str, list[Node]] = {}
        for node in listing.nodes:
            if node.refused is Failure.NONE:
                shared.setdefault(node.address, []).append(node)
        for node in listing.nodes:
            memory = self.memories[node.hash]
            others = listing.duplicate_hashes.get(node.hash, ())
            if others and not memory.duplicate_hash:
                events.append(told.duplicate(Kind.DUPLICATE_HASH, node, memory.name, others))
            memory.duplicate_hash = bool(others)
            twins = [n.hash[:8] for n in shared.get(node.address, ()) if n.hash != node.hash]
            if twins and not memory.duplicate_address:
                events.append(told.duplicate(Kind.DUPLICATE_ADDRESS, node, memory.name, twins))
            memory.duplicate_address = bool(twins)
        return events

    def _leave(self, time: int, listing: Listing) -> list[Event]:
        """Nodes that are no longer listed leave, and are forgotten a day later."""
        listed = {node.hash for node in listing.nodes}
        gone = [(key, memory) for key, memory in self.memories.items() if key not in listed]
        events = [told.left(key, memory) for key, memory in gone if memory.left_at is None]
        self._forgotten = []
        for key, memory in gone:
            if memory.left_at is None:
                memory.left_at = time
            elif time - memory.left_at > LEFT_SECONDS:
                self._forgotten.append(key)
                del self.memories[key]
        return events

    def _rewind(self, time: int) -> None:
        """Bring what is remembered in step with a clock that was stepped back."""
        if self.last_round is not None and time < self.last_round:
            for memory in self.memories.values():
                memory.rewind(time)
            for names in self.names.values():
                names.rewind(time)


_NAMES: Final = TypeAdapter(Names)
