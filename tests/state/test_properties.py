"""What holds for every sequence of rounds, however odd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.model.event import Event
from collector.model.status import JudgedRound
from collector.schema.build import points_of
from collector.schema.measurements import CrnReachability, Network
from collector.times import DAY, HOUR
from tests.support.rounds import (
    Rounds,
    bad,
    good,
    gpu,
    node,
    unfinished,
    usage,
    working,
)

Step = str | int
"""A letter of `Rounds.step`; a number moves the clock by so many seconds."""

_LETTERS: Final = st.sampled_from("GGGGBBBBSDUXAP-")
_JUMPS: Final = st.sampled_from(
    [-DAY, -5 * HOUR, -HOUR, -60, 60, 600, HOUR, 5 * HOUR, DAY, 8 * DAY, 4000 * DAY, -4000 * DAY]
)
STEPS: Final = st.lists(
    st.one_of(*[_LETTERS] * 9, _JUMPS, st.sampled_from(["move", "unlist", "list"])), max_size=60
)


def _play(steps: Sequence[Step], restarts: frozenset[int]) -> list[JudgedRound]:
    rounds = Rounds()
    listed = rounds.nodes
    judged_rounds = []
    for i, step in enumerate(steps):
        if i in restarts:
            rounds.restart()
        match step:
            case int():
                rounds.time += step
            case "move":
                listed = (replace(listed[0], address=f"{listed[0].address}x"),)
                rounds.nodes = listed if rounds.nodes else ()
            case "unlist":
                rounds.nodes = ()
            case "list":
                rounds.nodes = listed
            case _:
                judged_rounds += rounds.play(step)
    return judged_rounds


@settings(max_examples=150, deadline=None)
@given(STEPS, st.frozensets(st.integers(0, 60)))
def test_restarts_change_nothing(steps: list[Step], restarts: frozenset[int]) -> None:
    """State kept and loaded between any two rounds gives the same statuses and events."""
    assert _play(steps, restarts) == _play(steps, frozenset())


@settings(max_examples=250, deadline=None)
@given(STEPS)
@example(["G", "B", "B", -60, "B"])
def test_no_transition_is_invented(steps: list[Step]) -> None:
    """`up` changes only with its event, on evidence of its round: 3 bad of 5, or 2 good."""
    evidence: list[tuple[int, bool]] = []
    up: bool | None = None
    address, left = "", 0
    for judged in _play(steps, frozenset()):
        announced = {str(e.kind): e for e in judged.events}
        assert len(announced) == len(judged.events)
        left = judged.time if "left" in announced else min(left, judged.time)
        if "joined" in announced and judged.time - left > DAY:
            up = None  # forgotten, and new to us
        for status in judged.statuses:
            if status.node.address != address:
                address, evidence = status.node.address, []
            observed = status.observation
            counts = observed is not None and (
                observed.reachable or observed.failure.counts_against_node
            )
            if observed is not None and counts:
                if evidence and not 0 < judged.time - evidence[-1][0] <= 180:
                    evidence = []
                evidence.append((judged.time, observed.reachable))
            if status.up is not None:
                transition = None if up is None or up is status.up else status.up
                assert {k for k in announced if k in ("up", "down")} == {
                    None: set(),
                    True: {"up"},
                    False: {"down"},
                }[transition]
                if transition is not None:
                    assert counts
                    _justified(transition, announced, evidence)
                up = status.up
            assert not status.lost or status.up is False
        assert judged.statuses == () or "left" not in announced


def _justified(up: bool, announced: dict[str, Event], evidence: list[tuple[int, bool]]) -> None:
    last = evidence[-5:]
    if up:
        assert [good for _, good in last[-2:]] == [True, True]
        assert announced["up"].since == last[-2][0]
        assert (announced["up"].lasted_seconds or 0) >= 0
    else:
        bad_at = [at for at, good in last if not good]
        assert len(bad_at) >= 3
        assert announced["down"].since in bad_at


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_reachability_point_per_listed_node(data: st.DataObject) -> None:
    """Every listed node has exactly one reachability point in every round, come what may."""
    pool = [node(i) for i in range(8)]
    rounds = Rounds()
    for _ in range(data.draw(st.integers(1, 12))):
        listed = data.draw(st.lists(st.sampled_from(pool), unique=True))
        rounds.nodes = tuple(listed)
        letter = data.draw(st.sampled_from("GGBUXP"))
        rounds.time += data.draw(st.sampled_from([0, 0, 0, HOUR, DAY, -HOUR]))
        (judged,) = rounds.play(letter)
        points = list(points_of(judged, "here", "0"))
        announced = [p for p in points if isinstance(p, CrnReachability)]
        assert [p.node for p in announced] == [n.hash for n in listed]
        assert [p.nodes for p in points if isinstance(p, Network)] == [len(listed)]
        assert [p.rejection_reason() for p in points if p.rejection_reason()] == []
        keys = [(type(p), p.time, *p.row()[: _tags(p)]) for p in points]
        assert len(keys) == len(set(keys))


def _tags(point: object) -> int:
    return sum(c.kind.value == "tag" for c in type(point).columns())  # type: ignore[attr-defined]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=8))
def test_sums_are_those_of_the_nodes(kinds_seen: list[list[int]]) -> None:
    """The network's counts and sums are those of its nodes' points, in every round."""
    nodes = tuple(node(i) for i in range(3))
    rounds = Rounds(nodes=nodes)
    for kinds in kinds_seen:
        observed = []
        for n, kind in zip(nodes, kinds, strict=True):
            cards = usage(*[gpu(available=i % 2 == 0) for i in range(kind)])
            observed.append([bad(n), unfinished(n), good(n, working()), good(n, usage=cards)][kind])
        points = list(points_of(rounds.play_round(observed), "here", "0"))
        (network,) = [p for p in points if isinstance(p, Network)]
        reached = [p for p in points if isinstance(p, CrnReachability)]
        assert network.nodes_reachable == sum(p.reachable or 0 for p in reached)
        assert network.nodes_up == sum(p.up or 0 for p in reached)
        assert network.nodes_lost == sum(p.lost for p in reached)
        assert network.nodes_unfinished == kinds.count(1)
        assert network.nodes_measured == kinds.count(2) + kinds.count(3)
        if network.nodes_measured:
            assert network.cpu_total == 8 * network.nodes_measured
            assert network.gpu_total == 3 * kinds.count(3)
            assert network.gpu_used == kinds.count(3)
        else:
            assert (network.cpu_total, network.gpu_total) == (None, None)
