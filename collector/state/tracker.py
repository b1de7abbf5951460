"""Tracks the nodes from round to round: plans visits, judges rounds, says what is to be kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from collector.model.event import Event
from collector.model.listing import Listing
from collector.model.node import Node
from collector.model.observation import Observation
from collector.model.status import JudgedRound, NodeStatus
from collector.state.context import RoundContext
from collector.state.duplicates import Duplicates
from collector.state.events import joined, left
from collector.state.judge import NodeJudge, NodeUpdate
from collector.state.last_known import LastKnownNodes
from collector.state.node_state import NodeState
from collector.state.plan import VisitPlan, plan_visits
from collector.state.rules import Rules
from collector.state.saved_state import SavedState, changed_entries, read_state
from collector.state.vocabulary import NO_NAMES, NodeNames, Statement
from collector.times import DAY

LEFT_SECONDS: Final = DAY
"""A node that is listed again within this time is the one that it was."""
_SUSPICIOUS_RATIO: Final = 0.005
_SUSPICIOUS_NODES: Final = 3


class NodeTracker:
    """The state of all nodes. `judge` changes it; `changes` is what the store then has to keep."""

    def __init__(self, rules: Rules | None = None, saved: SavedState | None = None) -> None:
        """Start from what was saved, or from nothing; without rules, by the defaults."""
        saved = saved or SavedState()
        self._rules = rules or Rules()
        self._states = saved.states
        self._vocabulary = saved.vocabulary
        self._rounds = saved.rounds
        self._unsaved = saved.unsaved
        self._forgotten = saved.forgotten
        self._is_loaded = bool(saved.states or saved.last_known)
        self._names: Mapping[str, NodeNames] = {}
        """By hash, the names of nodes that hold others in this round than in the last one."""
        self._last_known = LastKnownNodes(saved.last_known)
        self._judge = NodeJudge(self._rules, self._vocabulary, self._last_known)

    @classmethod
    def load(
        cls, rules: Rules, stored: Mapping[str, bytes], source: str = "the store"
    ) -> NodeTracker:
        """Return the tracker that the store's entries describe.

        Entries that cannot be read begin anew, with a warning that names `source`.
        """
        return cls(rules, read_state(rules, stored, source))

    @property
    def last_round(self) -> int | None:
        """Time of the last round judged, in epoch seconds; None if there was none."""
        return self._rounds.last

    @property
    def states(self) -> Mapping[str, NodeState]:
        """The state of each node by hash, nodes that left within a day included."""
        return self._states

    def plans(self, listing: Listing, time: int) -> list[VisitPlan]:
        """Return a plan for each listed node that the round at `time` visits; change nothing."""
        return plan_visits(self._rules, self._states_at(time), listing, time)

    def is_suspicious(self, observations: Iterable[Observation]) -> bool:
        """Return whether so many nodes failed together that the controls should be asked again."""
        visited = failed = 0
        for observation in observations:
            state = self._states.get(observation.node.hash)
            visited += 1
            if observation.failure.is_masked_when_blind and (
                state is None or state.availability.up is not False
            ):
                failed += 1
        return failed >= max(_SUSPICIOUS_NODES, _SUSPICIOUS_RATIO * visited)

    def judge(self, context: RoundContext, observations: Mapping[str, Observation]) -> JudgedRound:
        """Judge a round by its observations, one by hash for each node that was visited."""
        time, listing = context.time, context.listing
        self._follow_clock(time)
        self._count_names(context, observations)
        statuses: list[NodeStatus] = []
        events: list[Event] = []
        for node in listing.nodes:
            update = self.update(context, node, observations.get(node.hash))
            statuses.append(update.status)
            events += update.events
        events += self._find_duplicates(time, listing)
        events += self._leave(time, listing)
        self._last_known.write_hourly(listing.nodes, time, self.last_round)
        self._rounds = self._rounds.add(time, self._rules.hysteresis.down_within)
        return JudgedRound(
            time=time,
            settings=listing.settings,
            directory_age_seconds=listing.age_seconds,
            statuses=tuple(statuses),
            events=tuple(events),
            reason=context.blind_reason,
            ipv6=context.ipv6,
            models=self._vocabulary.current_models(time),
            releases=self._vocabulary.current_releases(time),
        )

    def update(
        self, context: RoundContext, node: Node, observation: Observation | None
    ) -> NodeUpdate:
        """Judge one listed node and keep its new state; no observation: it was not visited."""
        known = self._states.get(node.hash)
        before = known or NodeState.of(node, context.time)
        names = self._names.get(node.hash)
        if names is not None:
            before = replace(before, names=names)
        if before.address != node.address:
            self._last_known.forget(node.hash)
        update = self._judge.update(context, node, before, observation)
        self._states[node.hash] = update.state
        if known is None or names is not None or not update.as_foreseen:
            self._unsaved.add(node.hash)
        if known is None and self.last_round is not None:
            return update.preceded_by(joined(node.hash, before))
        return update

    def changes(self) -> dict[str, bytes | None]:
        """Return what the store has to keep for a restart to change nothing; None deletes.

        Holds every node whose state did not go on as foreseen since `mark_saved`.
        """
        return dict.fromkeys(self._forgotten) | changed_entries(
            self._states, self._unsaved, self._last_known, self._vocabulary, self._rounds
        )

    def mark_saved(self) -> None:
        """Note that the store has taken over the changes."""
        self._unsaved = set()
        self._forgotten = frozenset()
        self._last_known.mark_saved()

    def _count_names(self, context: RoundContext, observations: Mapping[str, Observation]) -> None:
        """Give out the places for names, by what every listed node reported last."""
        statements = (
            self._statement(node.hash, observations.get(node.hash))
            for node in context.listing.nodes
        )
        self._names = self._vocabulary.count(context.listing.settings, statements, context.time)

    def _statement(self, key: str, observation: Observation | None) -> Statement:
        state = self._states.get(key)
        version = observation.version if observation else None
        usage = observation.usage if observation else None
        return Statement(
            node=key,
            held=state.names if state else NO_NAMES,
            version=version or (state.facts.version if state else None),
            gpus=usage.gpus or () if usage else self._last_known.gpus(key),
        )

    def _find_duplicates(self, time: int, listing: Listing) -> list[Event]:
        """Update who shares a hash or an address; return the events of those that began to."""
        duplicates = Duplicates.of(listing)
        events: list[Event] = []
        for node in listing.nodes:
            before = self._states[node.hash]
            after, new = duplicates.update(node, before, time)
            if after is not before:
                self._states[node.hash] = after
                self._unsaved.add(node.hash)
                events += new
        return events

    def _leave(self, time: int, listing: Listing) -> list[Event]:
        """Mark nodes that are no longer listed, forget them a day later; return the events."""
        listed = {node.hash for node in listing.nodes}
        gone = [(key, state) for key, state in self._states.items() if key not in listed]
        for key, state in gone:
            if state.left_at is None:
                self._states[key] = state.leaving(time)
                self._unsaved.add(key)
            elif time - state.left_at > LEFT_SECONDS:
                del self._states[key]
                self._unsaved.add(key)
                self._last_known.forget(key)
        return [left(key, state) for key, state in gone if state.left_at is None]

    def _is_stepped_back(self, time: int) -> bool:
        """Whether the round at `time` is not after the last one: the clock was stepped back."""
        return self.last_round is not None and time <= self.last_round

    def _states_at(self, time: int) -> dict[str, NodeState]:
        """Return the states in step with the clock: nothing in them is later than `time`.

        That can be so after a step back, and in what a damaged store gave.
        """
        if self._is_stepped_back(time):
            return {key: state.rewound(time) for key, state in self._states.items()}
        if not self._is_loaded:
            return self._states
        return {
            key: state.rewound(time) if state.latest_at > time else state
            for key, state in self._states.items()
        }

    def _follow_clock(self, time: int) -> None:
        """Bring everything that is known in step with the clock of the round at `time`."""
        states = self._states_at(time)
        if states is self._states:
            return
        self._unsaved |= {key for key, state in states.items() if state is not self._states[key]}
        self._states = states
        self._vocabulary.rewind(time)
        self._last_known.rewind(time)
        self._is_loaded = False
