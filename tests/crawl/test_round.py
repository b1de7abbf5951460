"""A whole round, from the list of nodes to the points that are kept."""

from __future__ import annotations

import asyncio
import time as clock
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from collector.crawl.gate import Gate
from collector.crawl.round import Crawl
from collector.crawl.sweep import RoundTiming
from collector.errors import DirectoryError
from collector.model.failure import Failure
from collector.model.listing import Listing, NetworkSettings
from collector.model.node import Node
from collector.model.observation import Endpoint, Observation, Probe
from collector.model.store_report import Receipt
from collector.model.vantage import BlindReason, ControlResult
from collector.schema.measurements import MEASUREMENTS
from collector.schema.round_record import RoundRecord
from collector.state.tracker import NodeTracker
from collector.store import MemoryStore

TIME = 1_700_000_040
PACE = RoundTiming(0, 5)


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task behind."""
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


def nodes(count: int, refused: Iterable[int] = ()) -> list[Node]:
    return [
        Node(
            f"{i:064x}",
            f"node-{i}",
            f"https://n{i}.test",
            host=f"n{i}.test",
            refused=Failure.INVALID_ADDRESS if i in refused else Failure.NONE,
        )
        for i in range(count)
    ]


@dataclass
class NodeSource:
    """A list that is there, is not, or comes late."""

    listed: list[Node]
    ready: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    error: DirectoryError | None = None

    async def listing(self) -> Listing:
        self.asked.set()
        if self.ready:
            await self.ready.wait()
        if self.error:
            raise self.error
        return Listing(tuple(self.listed), NetworkSettings(), 1.0)


@dataclass
class Prober:
    """Looks that end as a table says; `None` never ends."""

    outcomes: dict[str, Failure | None] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    ipv6: list[bool] = field(default_factory=list)
    looked: list[str] = field(default_factory=list)
    hangs: asyncio.Event = field(default_factory=asyncio.Event)
    on_look: Callable[[], None] = lambda: None

    def refusal(self, node: Node) -> Failure:
        if node.refused is not Failure.NONE:
            return node.refused
        return Failure.FORBIDDEN_ADDRESS if node.hash in self.forbidden else Failure.NONE

    def use_ipv6(self, available: bool) -> None:
        self.ipv6.append(available)

    def look(self, node: Node, ipv6: bool) -> _Look:
        return _Look(self, node)


@dataclass
class _Look:
    prober: Prober
    node: Node
    done: bool = False

    async def run(self) -> None:
        self.prober.looked.append(self.node.hash)
        self.prober.on_look()
        if self.prober.outcomes.get(self.node.hash, Failure.NONE) is None:
            self.prober.hangs.set()
            await asyncio.Event().wait()
        self.done = True

    def observation(self, is_unfinished: bool = False) -> Observation:
        if is_unfinished or not self.done:
            return Observation(self.node, Failure.ROUND_DEADLINE)
        failure = self.prober.outcomes.get(self.node.hash, Failure.NONE) or Failure.NONE
        attempt = Probe(
            Endpoint.CONFIG, failure, 200, response_bytes=2 if failure is Failure.NONE else None
        )
        return Observation(self.node, failure, (attempt,))


@dataclass
class Controls:
    """Answers one after another; the last one again and again."""

    sights: list[ControlResult] = field(default_factory=lambda: [ControlResult()])
    limits: list[float | None] = field(default_factory=list)

    def has_ipv6(self) -> bool:
        return True

    async def ask(self, within_seconds: float | None = None) -> ControlResult:
        self.limits.append(within_seconds)
        await asyncio.sleep(0)
        return self.sights[min(len(self.limits), len(self.sights)) - 1]


class PendingRounds:
    """A store whose disk takes nothing."""

    def __init__(self) -> None:
        self.batches: list[RoundRecord] = []

    async def commit(self, batch: RoundRecord) -> Receipt:
        self.batches.append(batch)
        store = MemoryStore(MEASUREMENTS)
        async with store:
            receipt = await store.commit(batch)
        fields = {name: getattr(receipt, name) for name in receipt.__slots__}
        waiting = {"stored": False, "waiting_batches": len(self.batches), "waiting_points": 9}
        return Receipt(**fields | waiting | {"waiting_bytes": 900, "waiting_seconds": 60.0})


def crawl_of(
    lister: NodeSource, prober: Prober, controls: Controls | None = None, **more: Any
) -> Crawl:
    return Crawl(
        directory=lister,
        prober=prober,
        controls=controls or Controls(),
        gate=Gate(16),
        state=NodeTracker(),
        store=more.pop("store", None) or MemoryStore(MEASUREMENTS),
        vantage="here",
        shard="0",
        **more,
    )


def points_named(points: Iterable[Any], name: str) -> list[Any]:
    return [point for point in points if name == point.MEASUREMENT]


async def test_one_reachability_point_per_listed_node() -> None:
    """Reachable, dead, hung, forbidden, invalid: each listed node has exactly one point."""
    listed = nodes(6, refused={5})
    outcomes = {
        listed[1].hash: Failure.CONNECT_REFUSED,
        listed[2].hash: None,
        listed[3].hash: Failure.NOT_A_CRN,
    }
    prober = Prober(outcomes, forbidden={listed[4].hash})
    done = await crawl_of(NodeSource(listed), prober).round(TIME, RoundTiming(0, 0.3))
    points = points_named(done.points, "crn_reachability")
    assert {point.node: (point.failure, point.fault, point.probed) for point in points} == {
        listed[0].hash: ("none", "none", True),
        listed[1].hash: ("connect_refused", "node", True),
        listed[2].hash: ("round_deadline", "vantage", False),
        listed[3].hash: ("not_a_crn", "node", True),
        listed[4].hash: ("forbidden_address", "policy", False),
        listed[5].hash: ("invalid_address", "policy", False),
    }
    assert len(points) == 6
    assert {point.time for point in done.points} == {TIME}
    assert sorted(prober.looked) == sorted(node.hash for node in listed[:4])
    assert done.overran


@pytest.mark.parametrize(
    ("dead", "asked"),
    [
        pytest.param(2, 1, id="two-nodes-are-no-suspicion"),
        pytest.param(3, 2, id="three-nodes-are"),
    ],
)
async def test_suspicion_asks_the_controls_again(dead: int, asked: int) -> None:
    """Many failing together is no verdict: the controls are asked again, within a limit."""
    listed = nodes(20)
    prober = Prober({node.hash: Failure.CONNECT_TIMEOUT for node in listed[:dead]})
    controls = Controls()
    done = await crawl_of(NodeSource(listed), prober, controls).round(TIME, PACE)
    assert len(controls.limits) == asked
    assert controls.limits[0] is None
    assert all(limit is not None and limit <= 5 for limit in controls.limits[1:])
    assert done.judged.sees
    (network,) = points_named(done.points, "network")
    assert (network.nodes_reachable, network.vantage_ok) == (20 - dead, True)


@pytest.mark.parametrize(
    "sights",
    [
        pytest.param([ControlResult(BlindReason.NETWORK)], id="first-answer"),
        pytest.param([ControlResult(), ControlResult(BlindReason.NETWORK)], id="second-answer"),
    ],
)
async def test_blind(sights: list[ControlResult], caplog: pytest.LogCaptureFixture) -> None:
    """A vantage that cannot see blames nobody, and does not vote."""
    listed = nodes(10)
    prober = Prober({node.hash: Failure.CONNECT_TIMEOUT for node in listed[:9]})
    done = await crawl_of(NodeSource(listed), prober, Controls(sights)).round(TIME, PACE)
    assert done.judged.reason is BlindReason.NETWORK
    points = points_named(done.points, "crn_reachability")
    assert [point.failure for point in points] == ["blind"] * 9 + ["none"]
    assert {point.weight for point in points} == {0.001}
    assert "cannot see (network)" in caplog.text
    assert "BLIND (network)" in done.summary()


async def test_blind_controls_are_not_asked_twice() -> None:
    """Once the controls have said that we cannot see there is nothing more to ask."""
    listed = nodes(10)
    prober = Prober({node.hash: Failure.CONNECT_TIMEOUT for node in listed})
    controls = Controls([ControlResult(BlindReason.DNS)])
    await crawl_of(NodeSource(listed), prober, controls).round(TIME, PACE)
    assert len(controls.limits) == 1


async def test_ipv6_needs_both_answers() -> None:
    """IPv6 that a control contradicts, the first or the second time, is not there."""
    listed = nodes(10)
    prober = Prober({node.hash: Failure.CONNECT_TIMEOUT for node in listed})
    sights = [ControlResult(ipv6=False), ControlResult(ipv6=True)]
    done = await crawl_of(NodeSource(listed), prober, Controls(sights)).round(TIME, PACE)
    assert prober.ipv6 == [True]
    assert done.judged.ipv6 is False


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        pytest.param(Failure.NO_DESCRIPTORS, BlindReason.DESCRIPTORS, id="descriptors"),
        pytest.param(None, BlindReason.DEADLINE, id="deadline"),
    ],
)
async def test_own_reasons(failure: Failure | None, reason: BlindReason) -> None:
    """A round that we spoilt ourselves is blind, whatever the controls say."""
    listed = nodes(9)
    prober = Prober({node.hash: failure for node in listed[:4]})
    done = await crawl_of(NodeSource(listed), prober).round(TIME, RoundTiming(0, 0.3))
    assert done.judged.reason is reason


async def test_a_loop_that_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that stood still too long makes the round blind, at its very end too."""
    monkeypatch.setattr("collector.crawl.round.LAG_LIMIT_SECONDS", 0.3)
    prober = Prober(on_look=lambda: clock.sleep(0.7))
    done = await crawl_of(NodeSource(nodes(1)), prober).round(TIME, PACE)
    assert done.judged.reason is BlindReason.LOOP_LAG
    (own,) = points_named(done.points, "collector")
    assert own.loop_lag_seconds > 0.4


async def test_own_points_and_counters() -> None:
    """A round reports itself, what did not run before it, and its store as of the last round."""
    crawl = crawl_of(NodeSource(nodes(3)), Prober())
    crawl.counters.rounds_skipped, crawl.counters.rounds_missed = 2, 5
    first = await crawl.round(TIME, PACE)
    second = await crawl.round(TIME + 60, PACE)
    (own,) = points_named(first.points, "collector")
    assert (own.rounds_skipped, own.rounds_missed, own.overran) == (2, 5, False)
    assert (own.probes, own.points) == (3, len(first.points))
    assert own.rss_bytes > 0
    assert points_named(first.points, "collector_store") == []
    (own,) = points_named(second.points, "collector")
    assert (own.rounds_skipped, own.rounds_missed) == (0, 0)
    (store,) = points_named(second.points, "collector_store")
    assert (store.store, store.connected) == ("embedded", True)
    assert store.points_delivered == len(first.points)


async def test_a_store_that_keeps_waiting() -> None:
    """Rounds go on while the disk takes nothing, and the next one says how much waits."""
    store = PendingRounds()
    crawl = crawl_of(NodeSource(nodes(2)), Prober(), store=store)
    await crawl.round(TIME, PACE)
    done = await crawl.round(TIME + 60, PACE)
    (report,) = points_named(done.points, "collector_store")
    assert (report.connected, report.backlog_points, report.backlog_bytes) == (False, 9, 900)
    assert report.backlog_seconds == 60.0
    assert [batch.time for batch in store.batches] == [TIME, TIME + 60]


async def test_state_is_kept_with_its_round() -> None:
    """The batch that is committed holds the memory of the round that it judged."""
    store = PendingRounds()
    listed = nodes(2)
    await crawl_of(NodeSource(listed), Prober(), store=store).round(TIME, PACE)
    state = store.batches[0].state
    assert state["round"] == str(TIME).encode()
    assert {f"node:{node.hash}" for node in listed} <= set(state)


async def test_without_a_list() -> None:
    """No list, no round: the error names it, and nothing is stored."""
    store = PendingRounds()
    lister = NodeSource([], error=DirectoryError("no list"))
    with pytest.raises(DirectoryError, match="no list"):
        await crawl_of(lister, Prober(), store=store).round(TIME, PACE)
    assert store.batches == []


async def test_progress_is_told() -> None:
    """Those who watch learn how many nodes are looked at, and each as it comes in."""
    begun: list[int] = []
    seen: list[Observation] = []
    crawl = crawl_of(
        NodeSource(nodes(4, refused={3})), Prober(), seen=seen.append, begun=begun.append
    )
    await crawl.round(TIME, PACE)
    assert begun == [3]
    assert len(seen) == 3


async def test_cut() -> None:
    """A round that is cut while it looks ends, is judged and is stored."""
    listed = nodes(2)
    prober = Prober({listed[1].hash: None})
    crawl = crawl_of(NodeSource(listed), prober)
    task = asyncio.create_task(crawl.round(TIME, RoundTiming(0, 60)))
    await prober.hangs.wait()
    crawl.cut(0.0)
    async with asyncio.timeout(2):
        done = await task
    failures = [point.failure for point in points_named(done.points, "crn_reachability")]
    assert failures == ["none", "round_deadline"]
    assert done.overran


async def test_cut_before_it_looks() -> None:
    """A round that is cut while it still waits for its list looks no longer than it is left."""
    listed = nodes(1)
    prober = Prober({listed[0].hash: None})
    lister = NodeSource(listed, ready=asyncio.Event())
    crawl = crawl_of(lister, prober)
    task = asyncio.create_task(crawl.round(TIME, RoundTiming(0, 60)))
    await lister.asked.wait()
    crawl.cut(0.1)
    assert lister.ready
    lister.ready.set()
    async with asyncio.timeout(2):
        done = await task
    assert done.overran


async def test_cancel() -> None:
    """A round that is cancelled leaves nothing running and stores nothing."""
    listed = nodes(1)
    prober, store = Prober({listed[0].hash: None}), PendingRounds()
    task = asyncio.create_task(crawl_of(NodeSource(listed), prober, store=store).round(TIME, PACE))
    await prober.hangs.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.batches == []
