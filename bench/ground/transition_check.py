"""Checks a log of rounds against the scenario: up and down, faults, events, and who was visited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Any, Final

from bench.ground.confusion_matrix import Cell, ConfusionMatrix
from bench.ground.expectation import Expectation
from bench.ground.quiet_rule import ExpectedAnnouncements
from bench.ground.recorded import RecordedRound
from bench.ground.scenario import INTERVAL, Scenario, Step
from bench.ground.status_rule import DAY, FRESH_INTERVALS, ExpectedStatus
from crn_simulator.script.directory_entry import registered_address
from crn_simulator.truth.shared_address import nodes_sharing

Events = dict[str, tuple[Any, ...]]
"""The details of the events of one node in one round, by kind."""

_PORT: Final = 4020


@dataclass(slots=True)
class _ExpectedNode:
    """What the collector must know about a node by now."""

    status: ExpectedStatus
    address: str
    name: str
    name_at: int
    failure: str = "none"
    version: str | None = None
    listed: bool = True
    is_sharing: bool = False
    announced: ExpectedAnnouncements = field(default_factory=ExpectedAnnouncements)


@dataclass(frozen=True, slots=True)
class _CheckedRound:
    """A round that is being checked.

    entry: its entry in the log. events: those of the entry, by node. is_blind: it must be.
    sharing: the nodes that share their address.
    """

    step: Step
    entry: dict[str, Any]
    events: dict[str, Events]
    is_blind: bool
    sharing: frozenset[int]

    @property
    def clock(self) -> int:
        return self.step.clock


@dataclass(slots=True)
class TransitionCheck:
    """Checks the entries of a log in their order.

    transitions: events that had to be recorded, by kind.
    """

    scenario: Scenario
    matrix: ConfusionMatrix = field(default_factory=ConfusionMatrix)
    transitions: Counter[str] = field(default_factory=Counter)
    false_transitions: int = 0
    missed_transitions: int = 0
    wrong_faults: int = 0
    _nodes: dict[int, _ExpectedNode] = field(default_factory=dict)
    _clock: int | None = None

    def check(self, entry: dict[str, Any]) -> None:
        """Check one round."""
        step = self.scenario.steps[entry["number"]]
        self._check_state("clock", "(none)", step.clock, step.clock, entry["clock"])
        if self._clock is not None and step.clock < self._clock:
            for known in self._nodes.values():
                known.status.step_back(step.clock)
                known.name_at = min(known.name_at, step.clock)
                known.announced.step_back(step.clock)
        recorded = RecordedRound(reason=entry["reason"], lag_seconds=entry["lag_seconds"])
        reason = recorded.expected_reason(
            self.scenario.control_result(step), self.scenario.blind_reason(step)
        )
        self._check_state("vantage", "(none)", step.clock, reason, recorded.reason)
        events: dict[str, Events] = {}
        for node, kind, *details in entry["events"]:
            events.setdefault(node, {})[kind] = _details(kind, details)
        sharing = nodes_sharing(self.scenario.script, step.at, _PORT)
        checked = _CheckedRound(step, entry, events, reason != "none", sharing)
        for index in range(len(self.scenario.script)):
            self._check_node(index, checked)
        self._clock = step.clock

    def check_store(
        self, stored: Set[tuple[int, str, str]], entries: Iterable[dict[str, Any]]
    ) -> None:
        """Check the store's events (time, node, kind) against those of the log."""
        logged = {(entry["clock"], e[0], e[1]) for entry in entries for e in entry["events"]}
        for event in sorted(stored | logged):
            clock, node, kind = event
            self.matrix.check(Cell("stored", node, clock, event in logged, event in stored), kind)
            self.false_transitions += event not in logged
            self.missed_transitions += event not in stored

    def _check_node(self, index: int, checked: _CheckedRound) -> None:
        step, script = checked.step, self.scenario.script
        stage, profile = script.stage(index, step.at), script.profile(index)
        address = registered_address(profile, stage, _PORT)
        rows, node = checked.entry["rows"].get(profile.hash, []), self._nodes.get(index)
        expected: Events = {}
        self._check_state("points", profile.hash, step.clock, int(stage.listed), len(rows))
        if not stage.listed:
            if node and node.listed:
                node.listed = False
                expected["left"] = ()
        else:
            if node is None:
                node = _ExpectedNode(ExpectedStatus(INTERVAL), address, stage.name, step.clock)
                self._nodes[index] = node
                if self._clock is not None:
                    expected["joined"] = ()
            moved = node.address != address
            expected |= _directory_events(node, address, stage.name, step.clock)
            expected |= self._visit_events(index, node, checked, moved)
            expected |= _version_events(node, step.clock)
            expected |= _sharing_events(node, index in checked.sharing, step.clock)
            if rows:
                self._check_row(profile.hash, node, checked, rows[0])
        found = checked.events.get(profile.hash, {})
        self._check_events(profile.hash, step.clock, expected, found)

    def _visit_events(
        self, index: int, node: _ExpectedNode, checked: _CheckedRound, moved: bool
    ) -> Events:
        """Account for the visit of a node, if there was one; return the events that must follow."""
        step, clock = checked.step, checked.clock
        name = self.scenario.script.profile(index).hash
        visited = name in checked.entry["asked"]
        refused = self.scenario.policy_failure(index, step)
        is_due = refused is None and (moved or node.status.is_visit_due(clock))
        if is_due or refused:
            self._check_state("visited", name, clock, is_due, visited)
        if refused:
            node.failure = refused
            return {}
        if not visited:
            return {}
        node.failure = self.scenario.expected_failure(index, step, checked.is_blind)
        reachable = node.failure == "none"
        expected: Events = {}
        version = self.scenario.truth(index, step).version if reachable else None
        node.version = version or node.version
        if reachable or Expectation(node.failure).fault in ("node", "dns"):
            transition = node.status.add_evidence(clock, reachable)
            if transition and transition.kind == "down":
                expected["down"] = (node.failure, transition.since)
            elif transition:
                expected["up"] = (transition.since, transition.lasted_seconds)
        return expected

    def _check_row(
        self, name: str, node: _ExpectedNode, checked: _CheckedRound, row: list[Any]
    ) -> None:
        """Check a reachability point."""
        reachable, up, lost, weight, failure, fault = row
        clock, status, must = checked.clock, node.status, Expectation(node.failure)
        is_refused = must.fault == "policy"
        is_visited = name in checked.entry["asked"] and must.failure != "round_deadline"
        age = status.evidence_age(clock)
        is_fresh = age is not None and age <= FRESH_INTERVALS * INTERVAL
        weight_expected = 1.0 if is_fresh and not checked.is_blind and not is_refused else 0.001
        up_expected = None if is_refused else status.up
        lost_expected = not is_refused and status.is_lost(clock)
        self._check_state(
            "reachable", name, clock, must.reachable if is_visited else None, reachable
        )
        self._check_state("up", name, clock, up_expected, up)
        self._check_state("lost", name, clock, lost_expected, lost)
        self._check_state("weight", name, clock, weight_expected, weight)
        failure_right = self.matrix.check(Cell("failure", name, clock, must.failure, failure))
        fault_right = self.matrix.check(Cell("fault", name, clock, must.fault, fault))
        self.wrong_faults += not (failure_right and fault_right)

    def _check_state(
        self, aspect: str, node: str, clock: int, expected: object, found: object
    ) -> None:
        """Check a cell that counts as a false transition if it is wrong."""
        row = None if aspect != "clock" else "as in the scenario"
        is_right = self.matrix.check(Cell(aspect, node, clock, expected, found), row)
        self.false_transitions += not is_right

    def _check_events(self, node: str, clock: int, expected: Events, found: Events) -> None:
        self.transitions.update(expected.keys())
        for kind in sorted(expected.keys() | found.keys()):
            must, recorded = expected.get(kind), found.get(kind)
            self.matrix.check(Cell("events", node, clock, must, recorded), kind)
            self.missed_transitions += must is not None and recorded != must
            self.false_transitions += recorded is not None and recorded != must


def _directory_events(node: _ExpectedNode, address: str, name: str, clock: int) -> Events:
    """Account for a node's entry in the directory; return the events that must follow."""
    expected: Events = {}
    if node.name != name and clock - node.name_at >= DAY:
        node.name, node.name_at = name, clock
        expected["renamed"] = ()
    if node.address != address:
        node.address = address
        node.status.rounds = []
    if node.announced.change("address_changed", address, clock) is not None:
        expected["address_changed"] = ()
    return expected


def _version_events(node: _ExpectedNode, clock: int) -> Events:
    """Return the event that must follow if the version of a node has changed."""
    if node.version is None:
        return {}
    old = node.announced.change("version_changed", node.version, clock)
    return {} if old is None else {"version_changed": (old, node.version)}


def _sharing_events(node: _ExpectedNode, is_sharing: bool, clock: int) -> Events:
    """Account for a node that shares its address or not; return the events that must follow."""
    begins = node.announced.begin("duplicate_address", node.is_sharing, is_sharing, clock)
    node.is_sharing = is_sharing
    return {"duplicate_address": ()} if begins else {}


def _details(kind: str, details: list[Any]) -> tuple[Any, ...]:
    """Return what of an event is checked against the scenario."""
    failure, since, lasted, old, new = details
    match kind:
        case "down":
            return (failure, since)
        case "up":
            return (since, lasted)
        case "version_changed":
            return (old, new)
        case _:
            return ()
