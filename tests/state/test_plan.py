"""Which nodes a round visits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from random import Random

import pytest

from collector.model.failure import Failure
from collector.model.observation import Endpoint, Ipv6, Ipv6Method, Observation, Probe
from collector.model.vantage import BlindReason
from collector.state.node_state import NodeState
from collector.state.plan import VisitPlan, is_visited
from collector.state.rules import Rules
from collector.times import DAY, HOUR, is_due
from tests.support.rounds import (
    MINUTE,
    START,
    Rounds,
    bad,
    blocked,
    good,
    node,
    only,
    working,
)


def _asked(rounds: Rounds, minutes: int, letter: str = "B") -> list[int]:
    """Return the minutes in which the only node was visited."""
    asked = []
    for minute in range(minutes):
        rounds.step(letter)
        if rounds.plans:
            asked.append(minute)
    return asked


@pytest.mark.parametrize(
    ("dead_seconds", "visits"),
    [
        pytest.param(0, 45, id="just-down-every-round"),
        pytest.param(HOUR, 9, id="after-an-hour-every-5-minutes"),
        pytest.param(DAY, 3, id="after-a-day-every-15-minutes"),
        pytest.param(90 * DAY, 3, id="never-slower"),
    ],
)
def test_the_ladder(dead_seconds: int, visits: int) -> None:
    """The longer a node is down, the less often it is visited."""
    rounds = Rounds()
    rounds.play("B")
    rounds.time = START + dead_seconds
    rounds.play("B")
    assert len(_asked(rounds, 45)) == visits


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize(
    ("seconds", "visits"),
    [
        pytest.param(1, [1, 2, 3, 4, 5], id="less-than-a-round"),
        pytest.param(60, [1, 2, 3, 4, 5], id="one-round"),
        pytest.param(61, [2, 3, 4, 5], id="a-little-longer"),
        pytest.param(240, [4, 5], id="four-rounds"),
        pytest.param(3600, [], id="an-hour"),
    ],
)
@pytest.mark.parametrize("reachable", [True, False])
def test_a_node_that_asks_to_wait(
    seconds: int, visits: list[int], reachable: bool, restarts: bool
) -> None:
    """It is not visited before that time, and meanwhile it stays as it was."""
    rounds = Rounds()
    rounds.play("GG")
    screened = bad(rounds.nodes[0], Failure.SCREENED)
    if reachable:
        screened = good(rounds.nodes[0])
    rounds.play_round([replace(screened, retry_after_seconds=seconds)])
    asked = []
    for minute in range(1, 6):
        if restarts:
            rounds.restart()
        status = only(rounds.play_round())
        if rounds.plans:
            asked.append(minute)
            assert status.failure is Failure.NONE
        else:
            assert status.failure is screened.failure
            assert (status.up, status.observation) == (True, None)
    assert asked == visits


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("seconds", [60, 239, 240, 3600])
def test_a_node_that_always_asks_to_wait(seconds: int, restarts: bool) -> None:
    """It is down after three such visits, however long it asks to wait."""

    def screened(plan: VisitPlan) -> Observation:
        return replace(bad(plan.node, Failure.SCREENED), retry_after_seconds=seconds)

    rounds = Rounds()
    rounds.play("GG")
    visits, up = 0, True
    while up and visits < 5:
        up = bool(only(rounds.play_round(screened)).up)
        visits += len(rounds.plans)
        if restarts:
            rounds.restart()
    assert visits == 3


def test_a_wait_that_nobody_can_ask_for() -> None:
    """A time further away than the longest wait was written by a clock that was wrong."""
    node_, state = node(), NodeState.of(node(), START)
    last = replace(state, not_before=START + HOUR)
    assert not is_visited(last, node_, START)
    assert is_visited(replace(state, not_before=START + HOUR + 1), node_, START)
    assert is_visited(last, node_, START + HOUR)


def test_a_node_that_moves_does_not_wait() -> None:
    """What a node asked for at its old address does not hold at the new one."""
    rounds = Rounds()
    rounds.play_round([replace(good(rounds.nodes[0]), retry_after_seconds=3600)])
    rounds.play("G")
    assert rounds.plans == []
    rounds.nodes = (replace(rounds.nodes[0], address="https://moved.example.org"),)
    assert len(_asked(rounds, 3, "G")) == 3


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("dead_seconds", [2 * HOUR, 3 * DAY])
def test_a_returning_node_is_visited_within_one_interval(number: int, dead_seconds: int) -> None:
    """A node that answers again is visited within one interval, and in the very next round."""
    rounds = Rounds(nodes=(node(number),))
    rounds.play("B")
    rounds.time = START + dead_seconds
    rounds.play(number * "B" + "B")
    asked = _asked(rounds, 20, "G")
    assert asked[0] * MINUTE < (900 if dead_seconds > DAY else 300)
    assert asked[1:] == list(range(asked[0] + 1, 20))
    assert only(rounds.play_round()).up is True


def test_one_good_answer_is_not_yet_up() -> None:
    """A node that answers once and fails again goes back to the ladder, and was never up."""
    rounds = Rounds()
    rounds.play("B")
    rounds.time += DAY
    while not rounds.plans or rounds.time < START + DAY + MINUTE:
        rounds.play_round(lambda plan: good(plan.node))
    rounds.play("B")
    assert rounds.plans != []
    assert len(_asked(rounds, 60)) == 4


@pytest.mark.parametrize("letter", ["X", "U"])
def test_a_visit_without_evidence_is_made_again(letter: str) -> None:
    """A blind or unfinished visit does not count as one."""
    rounds = Rounds()
    rounds.play("B")
    rounds.time += DAY
    rounds.play("B")
    while True:
        rounds.step(letter)
        if rounds.plans:
            break
    assert _asked(rounds, 5, letter) == [0, 1, 2, 3, 4]
    assert _asked(rounds, 16, "B")[0] == 0


def test_nodes_on_the_ladder_are_spread() -> None:
    """Nodes that are down are visited evenly over the rounds, each once per interval."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(300)))
    rounds.play_round(blocked)
    rounds.time += DAY
    rounds.play_round(blocked)
    per_round = []
    asked: list[str] = []
    for _ in range(15):
        rounds.play_round(blocked)
        per_round.append(len(rounds.plans))
        asked += [plan.node.hash for plan in rounds.plans]
    assert sorted(asked) == sorted(n.hash for n in rounds.nodes)
    assert max(per_round) < 45


def test_not_probed_is_as_it_was() -> None:
    """A node that is not visited keeps its state and failure, and its evidence ages."""
    rounds = Rounds()
    rounds.play("GBBB")
    rounds.time = START + 2 * HOUR
    rounds.play("SS")
    judged = [(only(rounds.play("B")[0]), len(rounds.plans)) for _ in range(10)]
    unvisited = [status for status, plans in judged if not plans]
    ages = [v.evidence_age_seconds for v in unvisited]
    assert {(v.up, v.lost, v.observation) for v in unvisited} == {(False, True, None)}
    assert {v.failure for v in unvisited} <= {Failure.SERVER_ERROR, Failure.CONNECT_TIMEOUT}
    assert None not in ages
    assert len(set(ages)) > 2


def test_a_changed_address_is_visited_at_once() -> None:
    """A node that moved does not wait for its interval."""
    rounds = Rounds()
    rounds.play("B")
    rounds.time += DAY
    while rounds.play_round(blocked) and rounds.plans:
        pass
    rounds.nodes = (node(address="https://other.example.org"),)
    rounds.play_round(blocked)
    assert rounds.plans != []


def test_plans_name_the_slow() -> None:
    """Nodes that ran into a limit use the slow lane; those that never had a turn do not."""
    nodes = tuple(node(i) for i in range(4))
    rounds = Rounds(nodes=nodes)
    rounds.play_round(
        [
            good(nodes[0]),
            bad(nodes[1], Failure.ANSWER_TIMEOUT),
            bad(nodes[2], Failure.CONNECT_REFUSED),
            bad(nodes[3], Failure.ROUND_DEADLINE),
        ]
    )
    rounds.play_round()
    assert [plan.hung for plan in rounds.plans] == [False, True, False, False]
    assert [plan.evidence_at for plan in rounds.plans] == [START, START, START, 0]


@pytest.mark.parametrize(
    ("failures", "slow"),
    [
        pytest.param([Failure.NONE], False, id="was-good"),
        pytest.param([Failure.CONNECT_TIMEOUT], True, id="was-silent"),
        pytest.param([], False, id="was-new"),
    ],
)
@pytest.mark.parametrize(
    ("own", "reason"),
    [
        pytest.param(Failure.STARVED, BlindReason.NONE, id="starved"),
        pytest.param(Failure.ROUND_DEADLINE, BlindReason.DEADLINE, id="cut-off"),
        pytest.param(Failure.CONNECT_TIMEOUT, BlindReason.DEADLINE, id="blind"),
    ],
)
def test_a_fault_of_ours_changes_no_lane(
    failures: list[Failure], slow: bool, own: Failure, reason: BlindReason
) -> None:
    """A visit without evidence is made again, through the lane in which the node was before."""
    rounds = Rounds()
    for failure in failures:
        rounds.play_round([good(node()) if failure is Failure.NONE else bad(node(), failure)])
    rounds.play_round([bad(node(), own)], reason)
    rounds.play_round()
    assert [plan.hung for plan in rounds.plans] == [slow]


@pytest.mark.parametrize("period", [300, 900, 3600, 21_600])
@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.37, 0.9999])
def test_due_once_per_slot(period: int, fraction: float) -> None:
    """Whatever the fraction, what is due is done once per slot, and no slot is passed over."""
    times = range(START, START + 10 * period, 60)
    first: dict[float, int] = {}
    for time in times:
        first.setdefault((time - fraction * period) // period, time)
    last = START
    done = []
    for time in times:
        if is_due(time, last, period, fraction):
            last = time
            done.append(time)
    assert done == list(first.values())[1:]


def test_due_when_never_done() -> None:
    """What was never done is due."""
    assert is_due(START, None, 3600, 0.5)


@pytest.mark.parametrize("fact", ["version", "capability", "probes"])
def test_hourly_facts_are_spread_evenly(fact: str) -> None:
    """What is written once an hour is written for a sixtieth of the nodes in each round."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(240)))
    written = [
        [
            v.name
            for v in rounds.play_round(lambda plan: good(plan.node)).statuses
            if getattr(v.due, fact)
        ]
        for _ in range(61)
    ]
    assert len(written[0]) == 240
    assert sorted(chain.from_iterable(written[1:])) == sorted(n.name for n in rounds.nodes)
    assert max(map(len, written[1:])) < 15


def test_ipv6_is_spread_from_the_first_listing() -> None:
    """IPv6 is asked once in six hours, evenly over the rounds, and of nobody in the first one."""
    rules = Rules(interval_seconds=600)
    rounds = Rounds(nodes=tuple(node(i) for i in range(180)), rules=rules)
    rounds.play_round()
    assert [plan for plan in rounds.plans if plan.ipv6] == []
    for _ in range(3):
        asked = []
        for _ in range(36):
            rounds.play_round()
            asked.append([plan.node.hash for plan in rounds.plans if plan.ipv6])
        assert sorted(chain.from_iterable(asked)) == sorted(n.hash for n in rounds.nodes)
        assert max(map(len, asked)) < 15


def test_a_clock_stepped_back_starts_no_burst() -> None:
    """After a step back, nothing is asked of all nodes at once."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(100)))
    rounds.play_round()
    rounds.time += 7 * HOUR
    rounds.play_round()
    rounds.time -= 5 * HOUR
    judged = rounds.play_round()
    assert sum(plan.ipv6 is not None for plan in rounds.plans) < 10
    assert sum(v.due.version for v in judged.statuses) < 10


_ANSWERS: tuple[Callable[[VisitPlan], Ipv6 | None], ...] = (
    lambda plan: working(),
    lambda plan: working(vm=False),
    lambda plan: None,
    lambda plan: working() if plan.ipv6 is Ipv6Method.DIAGNOSTIC_VM else None,
    lambda plan: working(vm=False) if plan.ipv6 is Ipv6Method.DIAGNOSTIC_VM else None,
)
"""What nodes answer to an IPv6 check: yes, no, nothing; yes or no by the diagnostic VM alone."""


def _visited(plan: VisitPlan, found: Ipv6 | None) -> Observation:
    """Return the observation of a node that answers so when its IPv6 check is due."""
    seen = good(plan.node, found if plan.ipv6 else None)
    if plan.ipv6 is None or found is not None:
        return seen
    by_vm = plan.ipv6 is Ipv6Method.DIAGNOSTIC_VM
    endpoint = Endpoint.DIAGNOSTIC_VM if by_vm else Endpoint.IPV6
    return replace(seen, probes=(*seen.probes, Probe(endpoint, Failure.SERVER_ERROR, 500)))


@pytest.mark.parametrize("upset", ["nothing", "restarts", "kills", "outages", "nodes-down"])
def test_a_diagnostic_vm_starts_four_times_a_day(upset: str) -> None:
    """In no 24 hours more than four, whatever nodes answer and whatever becomes of the collector.

    One that is asked again within an hour is not started again: the VM still runs.
    """
    chance = Random(upset)
    nodes = tuple(node(i) for i in range(2 * len(_ANSWERS)))
    rounds = Rounds(nodes=nodes, rules=Rules(interval_seconds=600))
    asked: dict[str, list[int]] = {n.hash: [] for n in nodes}

    def observe(plan: VisitPlan) -> Observation:
        if upset == "nodes-down" and chance.random() < 0.5:
            return bad(plan.node)
        if plan.ipv6:
            asked[plan.node.hash].append(rounds.time)
        return _visited(plan, _ANSWERS[nodes.index(plan.node) % len(_ANSWERS)](plan))

    while rounds.time < START + 4 * DAY:
        kept = dict(rounds.kept)
        rounds.play_round(observe)
        if chance.random() < 0.1:
            match upset:
                case "restarts":
                    rounds.restart()
                case "kills":  # before the round is stored
                    rounds.kept = kept
                    rounds.restart()
                case "outages":
                    rounds.time += chance.choice([1, 10, 50]) * 600
                    rounds.restart()
    for times in asked.values():
        starts = [at for at, last in zip(times, [0, *times], strict=False) if at - last >= HOUR]
        assert all(later - at >= DAY for at, later in zip(starts, starts[4:], strict=False))
        assert len(starts) >= 4
