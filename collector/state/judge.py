"""Judges one node in one round, by its state before and what was observed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from collector.model.event import Event
from collector.model.failure import Failure, Fault
from collector.model.node import Node
from collector.model.observation import Ipv6, Observation
from collector.model.status import DueFacts, GpuCount, NodeStatus
from collector.model.vantage import BlindReason, mark_blind
from collector.state.context import RoundContext
from collector.state.events import announce_changes, events_between
from collector.state.facts import update_facts
from collector.state.gpus import count_devices, count_kinds, device_labels
from collector.state.hysteresis import Availability
from collector.state.ipv6 import confirm_ipv6
from collector.state.last_known import LastKnownNodes
from collector.state.node_state import NodeState
from collector.state.round_log import foreseen
from collector.state.rules import Rules
from collector.state.vocabulary import Vocabulary
from collector.text import release_of
from collector.times import DAY

LOST_SECONDS: Final = 7 * DAY


_NOTHING_DUE: Final = DueFacts()


@dataclass(frozen=True, slots=True)
class NodeUpdate:
    """One node after a round."""

    state: NodeState
    status: NodeStatus
    events: tuple[Event, ...]
    as_foreseen: bool
    """The state is the one that follows when nothing happens."""

    def preceded_by(self, event: Event) -> NodeUpdate:
        """Return the update with an event before its own."""
        return NodeUpdate(self.state, self.status, (event, *self.events), self.as_foreseen)


@dataclass(frozen=True, slots=True)
class _Visited:
    """What a round changed and measured of a node; nothing is due if it was not visited."""

    state: NodeState
    due: DueFacts = _NOTHING_DUE
    ipv6: Ipv6 | None = None
    gpus: Mapping[tuple[str, str], GpuCount] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeJudge:
    """Judges nodes by the rules; takes up names and values in what it is given to keep them."""

    rules: Rules
    vocabulary: Vocabulary
    last_known: LastKnownNodes

    def update(
        self, context: RoundContext, node: Node, before: NodeState, observation: Observation | None
    ) -> NodeUpdate:
        """Return the state, status and events of a listed node; None is: not visited."""
        if observation is not None:
            observation = mark_blind(observation, context.blind_reason, context.ipv6)
        expected = foreseen(self.rules, before, context.time)
        listed = before.listed_as(node, context.time)
        if observation is None:
            visited = _Visited(listed)
        elif listed is before and expected is not before and observation.reachable:
            # up, and answers again: what is foreseen holds this very evidence
            visited = self._observe(context, expected, expected.availability, observation)
        else:
            availability = self._availability(listed, context.time, observation)
            visited = self._observe(context, listed, availability, observation)
        state = visited.state
        announced, changes = announce_changes(before, state, context.time)
        if announced is not before.announced:
            state = replace(state, announced=announced)
        if changes.gpus:
            cards = observation.usage.gpus if observation and observation.usage else None
            labels = device_labels(cards or (), context.listing.settings)
            changes = replace(changes, gpu_labels=labels)
        events = events_between(node.hash, before, state, changes)
        status = self._status(context, node, observation, visited)
        return NodeUpdate(state, status, tuple(events), state is expected or state == expected)

    def _availability(self, state: NodeState, time: int, observation: Observation) -> Availability:
        """Return the availability after an observation, which may be no evidence."""
        if not (observation.reachable or observation.failure.counts_against_node):
            return state.availability
        known, not_before = state.availability, state.not_before
        return self.rules.add_evidence(known, time, observation.reachable, not_before)

    def _observe(
        self,
        context: RoundContext,
        state: NodeState,
        availability: Availability,
        observation: Observation,
    ) -> _Visited:
        """Return the state after an observation, and what is written of it."""
        time = context.time
        facts, due = update_facts(state.facts, observation.node, time, observation)
        ipv6, measured = confirm_ipv6(state.ipv6, time, observation)
        cards = observation.usage.gpus if observation.usage else None
        devices = state.gpus if cards is None else count_devices(cards)
        if devices == state.gpus:  # the same object, so that memory holds it once
            devices = state.gpus
        state = state.observed(observation.failure, availability, facts, ipv6, devices)
        state = state.waiting(time, observation.retry_after_seconds)
        kinds = count_kinds(cards or (), self.vocabulary, state.names, time)
        return _Visited(state, due, measured, kinds)

    def _status(
        self, context: RoundContext, node: Node, observation: Observation | None, visited: _Visited
    ) -> NodeStatus:
        """Return what the round says of the node."""
        state, time = visited.state, context.time
        refused = state.failure is not Failure.NONE and state.failure.fault is Fault.POLICY
        at = state.availability.evidence_at
        age = None if at is None else max(0.0, float(time - at))
        fresh = age is not None and age <= self.rules.fresh_seconds
        known = not refused and state.availability.up is not None
        return NodeStatus(
            node=node,
            name=state.name,
            observation=observation,
            failure=state.failure,
            up=None if refused else state.availability.up,
            since=state.availability.changed_at if known else None,
            lost=not refused and is_lost(state.availability, time),
            fresh=fresh and not refused and context.blind_reason is BlindReason.NONE,
            evidence_age_seconds=age,
            outdated=is_outdated(state.facts.version, context.listing.settings.last_crn_version),
            ipv6=visited.ipv6,
            ipv6_ok=state.ipv6.ok_within(time, 2 * self.rules.ipv6_interval_seconds),
            due=visited.due,
            gpus=visited.gpus,
            release=self.vocabulary.release_tag(state.facts.version, time),
            last_known=self.last_known.update(node, observation, visited.ipv6, time),
        )


def is_lost(known: Availability, time: int) -> bool:
    """Return whether a node is down now and was up within the last 7 days."""
    if known.up is not False or known.last_up_at is None:
        return False
    return time - known.last_up_at <= LOST_SECONDS


@lru_cache(maxsize=1024)
def is_outdated(version: str | None, wanted: str | None) -> bool | None:
    """Return whether a version's release is older than the wanted one; None if one is unknown."""
    release, limit = release_of(version or ""), release_of(wanted or "")
    return release < limit if release and limit else None
