"""A round with the clock a year ahead, then the right clock: all goes on as if it never was."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from collector.model.failure import Failure
from collector.model.observation import Observation
from collector.model.status import JudgedRound
from collector.state.plan import VisitPlan
from collector.times import DAY, HOUR
from tests.support.rounds import Rounds, bad, kinds, node, plain

YEAR = 365 * DAY
UP, DEAD, WAITING, CHANGING = (node(number) for number in range(4))


@dataclass
class Diary:
    """What was visited, written and said in each of some rounds."""

    visits: list[tuple[int, str, bool]] = field(default_factory=list)
    """Round, name, and whether it was asked for IPv6."""
    facts: list[tuple[int, str]] = field(default_factory=list)
    """Round and name of nodes whose slow facts were written."""
    rounds: list[JudgedRound] = field(default_factory=list)


def _observe(plan: VisitPlan) -> Observation:
    if plan.node == DEAD:
        return bad(plan.node)
    if plan.node == WAITING:
        return replace(bad(plan.node, Failure.SCREENED), retry_after_seconds=1800)
    return plain(plan)


def _played(rounds: Rounds, count: int) -> Diary:
    """Play rounds; node CHANGING states another version in each."""
    diary = Diary()
    for number in range(count):

        def observe(plan: VisitPlan) -> Observation:
            seen = _observe(plan)
            if plan.node == CHANGING:
                seen = replace(seen, version=f"1.{rounds.time // 60 % 2}.0")
            return seen

        judged = rounds.play_round(observe)
        diary.rounds.append(judged)
        diary.visits += [(number, plan.node.name, plan.ipv6 is not None) for plan in rounds.plans]
        diary.facts += [
            (number, status.node.name)
            for status in judged.statuses
            if status.due.version and status.node != CHANGING
        ]
    return diary


def _without_waiting(diary: Diary) -> list[tuple[int, str, bool]]:
    """Return the visits of the nodes that do not ask to wait: a wait begins anew."""
    return [visit for visit in diary.visits if visit[1] != WAITING.name]


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
def test_a_clock_a_year_ahead(restarts: bool) -> None:
    """Visits, IPv6 checks, hourly facts and events come when they would have come anyway."""
    diaries = []
    for is_wrong in (False, True):
        rounds = Rounds(nodes=(UP, DEAD, WAITING, CHANGING))
        _played(rounds, 150)
        if is_wrong:
            right = rounds.time
            rounds.time += YEAR
            _played(rounds, 1)
            rounds.time = right
        if restarts:
            rounds.restart()
        _played(rounds, 1)
        diaries.append(_played(rounds, 7 * HOUR // 60))
        assert all(s.latest_at <= rounds.time for s in rounds.state.states.values())
    control, stepped = diaries
    assert _without_waiting(stepped) == _without_waiting(control)
    assert stepped.facts == control.facts
    told = kinds(control.rounds)
    assert told.count("version_changed") >= 6
    assert abs(len(kinds(stepped.rounds)) - len(told)) <= 1
    assert stepped.rounds[-1].releases == control.rounds[-1].releases
    waits = [number for number, name, _ in stepped.visits if name == WAITING.name]
    assert 13 <= len(waits) <= 15
