"""What the store says of nodes and of the collector, and which of it is too old to count."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.model.failure import Failure
from collector.model.node import Node
from collector.model.observation import Observation
from collector.schema.build import points_of
from collector.schema.measurements import MEASUREMENTS, CollectorStore
from collector.schema.round_record import RoundRecord
from collector.service.status import count_failures, read_health, read_nodes
from collector.state.plan import VisitPlan
from collector.store import EmbeddedStore, Reader
from tests.support.rounds import MINUTE, START, Rounds, bad, good, node

YEAR = 365 * 86_400
FUTURE = (
    "the last round is from the future (2028-01-15 08:00 UTC): "
    "the clock of this machine is or was wrong"
)

Visit = Callable[[Node], Observation]


async def _store(directory: Path, rounds: Rounds, *visits: Visit) -> None:
    """Play a round for each visit, and store its points."""
    async with await EmbeddedStore.open(directory, MEASUREMENTS, 14) as store:
        for visit in visits:

            def observe(plan: VisitPlan, visit: Visit = visit) -> Observation:
                return visit(plan.node)

            judged = rounds.play_round(observe)
            await store.commit(RoundRecord(judged.time, [*points_of(judged, "here", "0")]))


def _report(at: int, store: str, shard: str = "0", connected: bool = False) -> CollectorStore:
    return CollectorStore(
        time=at, vantage="here", shard=shard, store=store, connected=connected,
        points_delivered=0, points_rejected=0, points_dropped=0, backlog_bytes=0,
        backlog_points=0, backlog_seconds=0.0, write_seconds=0.1, conflict=None,
    )  # fmt: skip


async def test_nodes_that_are_down_come_first(tmp_path: Path) -> None:
    """Down, then without a state, then up; and only the first two are not up."""
    private = node(7, name="private", refused=Failure.FORBIDDEN_ADDRESS)
    nodes = (node(1, name="b up"), node(2, name="a up"), node(3, name="z down"), private)

    def visit(visited: Node) -> Observation:
        return bad(visited) if "down" in visited.name else good(visited)

    await _store(tmp_path, Rounds(nodes=nodes), visit)
    with Reader(tmp_path) as reader:
        found = read_nodes(reader, "here", MINUTE)
        assert read_nodes(reader, "elsewhere", MINUTE).nodes == ()
    assert found.round == START
    assert [(n.reachability.name, n.is_up, n.failure) for n in found.nodes] == [
        ("z down", False, Failure.CONNECT_TIMEOUT),
        ("private", None, Failure.FORBIDDEN_ADDRESS),
        ("a up", True, Failure.NONE),
        ("b up", True, Failure.NONE),
    ]
    assert [n.reachability.name for n in found.not_up().nodes] == ["z down", "private"]


async def test_old_usage_is_not_shown(tmp_path: Path) -> None:
    """Usage counts for three intervals after it was read; the version stays for two hours."""
    rounds = Rounds()
    await _store(tmp_path, rounds, good, bad, bad, bad)
    with Reader(tmp_path) as reader:
        (fresh,) = read_nodes(reader, "here", MINUTE).nodes
    await _store(tmp_path, rounds, bad)
    with Reader(tmp_path) as reader:
        (stale,) = read_nodes(reader, "here", MINUTE).nodes
    assert fresh.usage is not None
    assert (stale.usage, stale.version, fresh.version) == (None, "1.7.2", "1.7.2")


@pytest.mark.parametrize(
    ("age", "healthy"), [(0, True), (3 * MINUTE, True), (3 * MINUTE + 1, False)]
)
async def test_health_goes_by_the_age_of_the_last_round(
    age: int, healthy: bool, tmp_path: Path
) -> None:
    """A collector whose last round is older than three intervals is not at work."""
    await _store(tmp_path, Rounds(), good)
    found = read_health(tmp_path, "here", "0", MINUTE, START + age)
    assert found.is_healthy(ready=True) is healthy
    assert found.round_age_seconds == age
    assert ("the interval is 60 s" in found.problem) is not healthy


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        pytest.param([0, YEAR], FUTURE, id="ahead-and-gone"),
        pytest.param([YEAR], FUTURE, id="no-other-round"),
        pytest.param([YEAR, 0], "", id="ahead-once"),
        pytest.param([-START, 0], "", id="1970-once"),
        pytest.param([0, -START], "the last round is 1800000060 s old; the interval is 60 s",
                     id="1970-now"),
        pytest.param([MINUTE * 2], "", id="an-interval-ahead"),
    ],
)  # fmt: skip
async def test_health_with_a_clock_that_was_wrong(
    times: list[int], problem: str, tmp_path: Path
) -> None:
    """A last round from the future is no sign of life; one that came before it does no harm."""
    async with await EmbeddedStore.open(tmp_path, MEASUREMENTS, 14) as store:
        for time in times:
            await store.commit(RoundRecord(START + time, []))
    found = read_health(tmp_path, "here", "0", MINUTE, START + MINUTE)
    assert (found.problem, found.is_healthy(ready=True)) == (problem, not problem)
    assert found.round_age_seconds is None or found.round_age_seconds >= 0


async def test_only_our_own_stores_count(tmp_path: Path) -> None:
    """A database of another shard that accepts no writes is no concern of this collector."""
    async with await EmbeddedStore.open(tmp_path, MEASUREMENTS, 14) as store:
        reports = [
            _report(START, "influxdb"),
            _report(START, "embedded", connected=True),
            _report(START, "other", shard="1"),
        ]
        await store.commit(RoundRecord(START, reports))
    found = read_health(tmp_path, "here", "0", MINUTE, START)
    assert found.unavailable_stores == ("influxdb",)
    assert (found.is_healthy(ready=False), found.is_healthy(ready=True)) == (True, False)


async def test_another_collector_in_the_database(tmp_path: Path) -> None:
    """A database into which another collector writes the same points is not ready."""
    report = dataclasses.replace(_report(START, "influxdb", connected=True), conflict=True)
    async with await EmbeddedStore.open(tmp_path, MEASUREMENTS, 14) as store:
        await store.commit(RoundRecord(START, [report]))
    found = read_health(tmp_path, "here", "0", MINUTE, START)
    assert (found.unavailable_stores, found.shared_stores) == ((), ("influxdb",))
    assert (found.is_healthy(ready=False), found.is_healthy(ready=True)) == (True, False)


async def test_health_without_a_round(tmp_path: Path) -> None:
    """No store, or a store without a round, is not healthy, and says why."""
    assert "no store in" in read_health(tmp_path, "here", "0", MINUTE, START).problem
    async with await EmbeddedStore.open(tmp_path, MEASUREMENTS, 14):
        pass
    found = read_health(tmp_path, "here", "0", MINUTE, START)
    assert (found.problem, found.round_age_seconds) == ("no round is stored yet", None)


def test_failures_of_a_round() -> None:
    """Reachable nodes first, then the most frequent failure; nodes that were not due apart."""
    failures = {2: Failure.TLS_FAILED, 3: Failure.NOT_A_CRN, 4: Failure.NOT_A_CRN}
    nodes = tuple(node(number) for number in range(1, 5))
    numbers = {n.hash: number for number, n in enumerate(nodes, start=1)}

    def observe(plan: VisitPlan) -> Observation:
        failure = failures.get(numbers[plan.node.hash])
        return bad(plan.node, failure) if failure else good(plan.node)

    rounds = Rounds(nodes=nodes)
    counts = count_failures(rounds.play_round(observe).statuses)
    assert counts.nodes == ((Failure.NONE, 1), (Failure.NOT_A_CRN, 2), (Failure.TLS_FAILED, 1))
    assert counts.not_visited == 0
    for _ in range(62):
        judged = rounds.play_round(observe)
    counts = count_failures(judged.statuses)
    visited = sum(nodes for _, nodes in counts.nodes)
    assert (counts.nodes[0], visited + counts.not_visited) == ((Failure.NONE, 1), 4)
    assert counts.not_visited > 0
