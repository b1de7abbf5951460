"""Holds a diary of rounds against the story: up and down, faults, events, and who was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Any, Final

from bench.ground.conclusion import Conclusion
from bench.ground.matrix import Matrix
from bench.ground.rule import DAY, FRESH_INTERVALS, DatabaseStatus
from bench.ground.said import RoundSaid
from bench.ground.storyline import INTERVAL, Step, Storyline
from crn_simulator.script.directory_entry import registered_address

_PORT: Final = 4020
_UNTOLD: Final = frozenset({"duplicate_hash", "duplicate_address"})
"""Kinds of events that the story does not foretell; they may come once for a node."""


@dataclass(slots=True)
class _Known:
    """What must be held of a node by now."""

    standing: DatabaseStatus
    registered_address: str
    name: str
    name_at: int
    failure: str = "none"
    version: str | None = None
    listed: bool = True


@dataclass(slots=True)
class Reckoning:
    """Holds page after page, in their order."""

    story: Storyline
    matrix: Matrix = field(default_factory=Matrix)
    transitions: Counter[str] = field(default_factory=Counter)
    """Events that had to be announced, by kind."""
    false_transitions: int = 0
    missed_transitions: int = 0
    wrong_faults: int = 0
    _known: dict[int, _Known] = field(default_factory=dict)
    _clock: int | None = None
    _told: Counter[tuple[str, str]] = field(default_factory=Counter)

    def hold(self, page: dict[str, Any]) -> None:
        """Hold one round."""
        step, clock = self.story.steps[page["number"]], page["clock"]
        self._same("clock", "(none)", clock, step.clock, clock)
        if self._clock is not None and clock < self._clock:
            for known in self._known.values():
                known.standing.rewind(clock)
                known.name_at = min(known.name_at, clock)
        found = RoundSaid(reason=page["reason"], lag_seconds=page["lag_seconds"])
        own = self.story.reason(step)
        reason = found.expected_reason(self.story.controls(step), own)
        self._same("vantage", "(none)", clock, reason, found.reason)
        events: dict[str, dict[str, tuple[Any, ...]]] = {}
        for node, kind, *details in page["events"]:
            events.setdefault(node, {})[kind] = _details(kind, details)
        for index in range(len(self.story.script)):
            node = self.story.script.profile(index).hash
            self._hold(index, step, page, reason == "none", events.get(node, {}))
        self._clock = clock

    def hold_store(
        self, stored: Set[tuple[int, str, str]], pages: Iterable[dict[str, Any]]
    ) -> None:
        """Hold the store's events (time, node, kind) against those of the pages."""
        noted = {(page["clock"], e[0], e[1]) for page in pages for e in page["events"]}
        for clock, node, kind in sorted(stored | noted):
            event = (clock, node, kind)
            self.matrix.hold("stored", node, clock, event in noted, event in stored, kind)
            self.false_transitions += event not in noted
            self.missed_transitions += event not in stored

    def _hold(
        self,
        index: int,
        step: Step,
        page: dict[str, Any],
        sees: bool,
        found: dict[str, tuple[Any, ...]],
    ) -> None:
        stage, trait = self.story.script.stage(index, step.at), self.story.script.profile(index)
        registered = registered_address(trait, stage, _PORT)
        node, clock = trait.hash, step.clock
        rows, known = page["rows"].get(node, []), self._known.get(index)
        expected: dict[str, tuple[Any, ...]] = {}
        self._same("points", node, clock, int(stage.listed), len(rows))
        if not stage.listed:
            if known and known.listed:
                known.listed = False
                expected["left"] = ()
        else:
            if known is None:
                known = _Known(DatabaseStatus(INTERVAL), registered, stage.name, clock)
                self._known[index] = known
                if self._clock is not None:
                    expected["joined"] = ()
            expected |= self._entry(known, registered, stage.name, clock)
            asked = node in page["asked"]
            expected |= self._look(index, step, known, asked, sees, "address_changed" in expected)
            if rows:
                self._row(node, clock, known, asked, sees, rows[0])
        self._events(node, clock, expected, found)

    def _entry(
        self, known: _Known, registered: str, name: str, clock: int
    ) -> dict[str, tuple[Any, ...]]:
        """What the directory's entry makes of a node."""
        expected: dict[str, tuple[Any, ...]] = {}
        if known.name != name and clock - known.name_at >= DAY:
            known.name, known.name_at = name, clock
            expected["renamed"] = ()
        if known.registered_address != registered:
            known.registered_address = registered
            known.standing.rounds = []
            expected["address_changed"] = ()
        return expected

    def _look(
        self, index: int, step: Step, known: _Known, asked: bool, sees: bool, moved: bool
    ) -> dict[str, tuple[Any, ...]]:
        """What a look, if there was one, makes of a node."""
        node, clock = self.story.script.profile(index).hash, step.clock
        refused = self.story.refused(index, step)
        must = refused is None and (moved or known.standing.must_be_asked(clock))
        if must or refused:
            self._same("asked", node, clock, must, asked)
        if refused:
            known.failure = refused
            return {}
        if not asked:
            return {}
        known.failure = self.story.concluded(index, step, sees)
        expected: dict[str, tuple[Any, ...]] = {}
        version = self.story.truth(index, step).version if known.failure == "none" else None
        if version:
            if known.version not in (None, version):
                expected["version_changed"] = (known.version, version)
            known.version = version
        good = known.failure == "none"
        if good or Conclusion(known.failure).fault in ("node", "dns"):
            change = known.standing.see(clock, good)
            if change and change.kind == "down":
                expected["down"] = (known.failure, change.since)
            elif change:
                expected["up"] = (change.since, change.lasted_seconds)
        return expected

    def _row(
        self, node: str, clock: int, known: _Known, asked: bool, sees: bool, row: list[Any]
    ) -> None:
        """The reachability point."""
        reachable, up, lost, weight, failure, fault = row
        must, standing = Conclusion(known.failure), known.standing
        policy = must.fault == "policy"
        tried = asked and must.failure != "round_deadline"
        age = standing.age(clock)
        fresh = sees and not policy and age is not None and age <= FRESH_INTERVALS * INTERVAL
        expected_up = None if policy else standing.up
        self._same("reachable", node, clock, must.reachable if tried else None, reachable)
        self._same("up", node, clock, expected_up, up)
        self._same("lost", node, clock, not policy and standing.lost(clock), lost)
        self._same("weight", node, clock, 1.0 if fresh else 0.001, weight)
        self.matrix.hold("failure", node, clock, must.failure, failure)
        self.matrix.hold("fault", node, clock, must.fault, fault)
        self.wrong_faults += (must.failure, must.fault) != (failure, fault)

    def _same(self, aspect: str, node: str, clock: int, expected: object, found: object) -> None:
        """A cell that, if it is wrong, is a transition that is none."""
        kind = None if aspect != "clock" else "as in the story"
        self.matrix.hold(aspect, node, clock, expected, found, kind)
        self.false_transitions += expected != found

    def _events(
        self,
        node: str,
        clock: int,
        expected: dict[str, tuple[Any, ...]],
        found: dict[str, tuple[Any, ...]],
    ) -> None:
        self.transitions.update(expected.keys())
        for kind in sorted(expected.keys() | found.keys()):
            said = found.get(kind)
            if kind in _UNTOLD:
                self._told[node, kind] += 1
                if self._told[node, kind] == 1:
                    continue
            must = expected.get(kind)
            self.matrix.hold("events", node, clock, must, said, kind)
            self.missed_transitions += must is not None and said != must
            self.false_transitions += said is not None and said != must


def _details(kind: str, details: list[Any]) -> tuple[Any, ...]:
    """What of an event is held against the story."""
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
