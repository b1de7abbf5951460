"""A whole round, from the list of nodes to the points that are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from collector.crawl.crawler import Crawler, CrawlParts
from collector.crawl.gate import Gate
from collector.crawl.ports import RoundObserver, RoundStore, Sink
from collector.crawl.round import RoundRequest, RoundTiming
from collector.crawl.round_logger import RoundLogger, summary
from collector.errors import DirectoryError
from collector.loop_lag import LoopLag
from collector.model.failure import Failure
from collector.model.observation import Phases
from collector.model.store_report import Receipt
from collector.model.vantage import BlindReason, ControlResult
from collector.schema.measurements import MEASUREMENTS
from collector.schema.round_record import RoundRecord
from collector.state.tracker import NodeTracker
from collector.store import MemoryStore
from tests.support.crawl_fakes import (
    Broken,
    Controls,
    Delivery,
    NodeSource,
    PendingRounds,
    Prober,
    Recorder,
    nodes,
)
from tests.support.virtual_clock import Machine, VirtualClockLoop, virtual_clocks

TIME = 1_700_000_040
REQUEST = RoundRequest(TIME, RoundTiming(0, 5))
SHORT = RoundRequest(TIME, RoundTiming(0, 0.3))
LONG = RoundRequest(TIME, RoundTiming(0, 60))
NEXT = RoundRequest(TIME + 60, RoundTiming(0, 5))


pytestmark = pytest.mark.asyncio(loop_factories=["virtual"])


def crawler_of(
    source: NodeSource,
    prober: Prober,
    controls: Controls | None = None,
    store: RoundStore | None = None,
    observers: Sequence[RoundObserver] = (),
    sinks: Sequence[Sink] = (),
    machine: Machine | None = None,
) -> Crawler:
    parts = CrawlParts(
        nodes=source,
        prober=prober,
        controls=controls or Controls(),
        gate=Gate(16),
        tracker=NodeTracker(),
        store=store or MemoryStore(MEASUREMENTS),
        vantage="here",
        shard="0",
        sinks=sinks,
        lag=LoopLag(machine.clocks() if machine else virtual_clocks()),
    )
    return Crawler(parts, observers)


def stand_still(seconds: float) -> None:
    """Let time pass while the loop does nothing else."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualClockLoop)
    loop.advance(seconds)


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
    done = await crawler_of(NodeSource(listed), prober).round(SHORT)
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
    assert sorted(prober.visited) == sorted(node.hash for node in listed[:4])
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
    done = await crawler_of(NodeSource(listed), prober, controls).round(REQUEST)
    assert len(controls.limits) == asked
    assert controls.limits[0] is None
    assert all(limit is not None and limit <= 5 for limit in controls.limits[1:])
    assert done.judged.sees
    (network,) = points_named(done.points, "network")
    assert (network.nodes_reachable, network.vantage_ok) == (20 - dead, True)


@pytest.mark.parametrize(
    "results",
    [
        pytest.param([ControlResult(BlindReason.NETWORK)], id="first-answer"),
        pytest.param([ControlResult(), ControlResult(BlindReason.NETWORK)], id="second-answer"),
    ],
)
async def test_blind(results: list[ControlResult], caplog: pytest.LogCaptureFixture) -> None:
    """A vantage that cannot see blames nobody, and does not vote."""
    listed = nodes(10)
    prober = Prober({node.hash: Failure.CONNECT_TIMEOUT for node in listed[:9]})
    done = await crawler_of(
        NodeSource(listed), prober, Controls(results), observers=[RoundLogger()]
    ).round(REQUEST)
    assert done.judged.reason is BlindReason.NETWORK
    points = points_named(done.points, "crn_reachability")
    assert [point.failure for point in points] == ["blind"] * 9 + ["none"]
    assert {point.weight for point in points} == {0.001}
    assert "cannot see (network): see figures; visits found connect_timeout 9" in caplog.text
    assert "BLIND (network)" in summary(done)


async def test_blind_controls_are_not_asked_twice() -> None:
    """Once the controls have said that we cannot see there is nothing more to ask."""
    listed = nodes(10)
    prober = Prober({node.hash: Failure.CONNECT_TIMEOUT for node in listed})
    controls = Controls([ControlResult(BlindReason.DNS)])
    await crawler_of(NodeSource(listed), prober, controls).round(REQUEST)
    assert len(controls.limits) == 1


async def test_ipv6_needs_both_answers() -> None:
    """IPv6 that a control contradicts, the first or the second time, is not there."""
    listed = nodes(10)
    prober = Prober({node.hash: Failure.CONNECT_TIMEOUT for node in listed})
    results = [ControlResult(ipv6=False), ControlResult(ipv6=True)]
    done = await crawler_of(NodeSource(listed), prober, Controls(results)).round(REQUEST)
    assert prober.ipv6 == [True]
    assert done.judged.ipv6 is False


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        pytest.param(Failure.NO_DESCRIPTORS, BlindReason.DESCRIPTORS, id="descriptors"),
        pytest.param(Failure.STARVED, BlindReason.STARVED, id="starved"),
        pytest.param(None, BlindReason.DEADLINE, id="deadline"),
    ],
)
async def test_own_reasons(failure: Failure | None, reason: BlindReason) -> None:
    """A round that we spoilt ourselves is blind, whatever the controls say."""
    listed = nodes(9)
    prober = Prober({node.hash: failure for node in listed[:4]})
    done = await crawler_of(NodeSource(listed), prober).round(SHORT)
    assert done.judged.reason is reason


@pytest.mark.parametrize(
    ("phases", "results"),
    [
        pytest.param(Phases(2.5, 0.1, 0.1), [ControlResult()], id="nodes"),
        pytest.param(Phases(), [ControlResult(slow=BlindReason.SLOW_DNS)], id="first-answer"),
        pytest.param(
            Phases(),
            [ControlResult(), ControlResult(slow=BlindReason.SLOW_DNS)],
            id="second-answer",
        ),
    ],
)
async def test_slow(phases: Phases, results: list[ControlResult]) -> None:
    """Where names take half the limit, a timeout is no node's fault; everything else counts."""
    listed = nodes(40)
    prober = Prober({node.hash: Failure.TLS_FAILED for node in listed[:10]}, phases=phases)
    prober.outcomes[listed[10].hash] = Failure.CONNECT_REFUSED
    done = await crawler_of(NodeSource(listed), prober, Controls(results)).round(REQUEST)
    assert done.judged.reason is BlindReason.SLOW_DNS
    points = points_named(done.points, "crn_reachability")
    assert [p.failure for p in points] == ["blind"] * 10 + ["connect_refused"] + ["none"] * 29
    assert [p.up for p in points] == [None] * 10 + [False] + [True] * 29


async def test_a_loop_that_stands_still() -> None:
    """A loop that stood still is recorded, at its very end too; answers that came still count."""
    prober = Prober(on_visit=lambda: stand_still(2.5))
    done = await crawler_of(NodeSource(nodes(1)), prober).round(REQUEST)
    assert done.judged.sees
    (own,) = points_named(done.points, "collector")
    assert own.loop_lag_seconds == pytest.approx(2.45)  # a sample was due after 0.05 s
    assert own.loop_late_seconds == own.loop_lag_seconds


@pytest.mark.parametrize(
    ("slept", "set_forward", "reason", "failure"),
    [
        pytest.param(600, 600, BlindReason.STARVED, "blind", id="suspended"),
        pytest.param(0, 600, BlindReason.STARVED, "blind", id="paused-or-set-forward"),
        pytest.param(0, 3, BlindReason.NONE, "dns_failed", id="paused-for-a-snapshot"),
        pytest.param(0, -600, BlindReason.NONE, "dns_failed", id="set-back"),
    ],
)
async def test_a_machine_that_was_away(
    slept: float, set_forward: float, reason: BlindReason, failure: str
) -> None:
    """A machine that wakes up in mid-round has no network at first, and blames no node for it."""
    machine, listed = Machine(), nodes(3)
    prober = Prober({listed[1].hash: Failure.DNS_FAILED})

    def fall_asleep() -> None:
        machine.slept, machine.set_forward = slept, set_forward

    prober.on_visit = fall_asleep
    done = await crawler_of(NodeSource(listed), prober, machine=machine).round(REQUEST)
    assert done.judged.reason is reason
    failures = [point.failure for point in points_named(done.points, "crn_reachability")]
    assert failures == ["none", failure, "none"]


async def test_controls_that_were_starved_are_asked_again() -> None:
    """What the controls say while this process stands still says nothing; asked again, it does."""
    controls = Controls([ControlResult(BlindReason.STARVED), ControlResult()])
    done = await crawler_of(NodeSource(nodes(3)), Prober(), controls).round(REQUEST)
    assert (len(controls.limits), done.judged.reason) == (2, BlindReason.NONE)


@pytest.mark.parametrize(
    ("answers", "stopped", "ends_at"),
    [
        pytest.param(0, None, 9, id="never"),
        pytest.param(1, None, 9, id="never-again"),
        pytest.param(1, 2, 6.1, id="never-again-and-stopped"),
        pytest.param(1, 30, 9, id="a-stop-puts-nothing-off"),
    ],
)
async def test_controls_that_cannot_be_heard(
    answers: int, stopped: float | None, ends_at: float
) -> None:
    """Their limits grow while this process is late; the round still ends, and blames nobody."""
    listed = nodes(5)
    prober = Prober({node.hash: Failure.CONNECT_TIMEOUT for node in listed[:4]})
    crawler = crawler_of(NodeSource(listed), prober, Controls(answers=answers))
    task = asyncio.create_task(crawler.round(REQUEST))
    await asyncio.sleep(0.1)
    if stopped is not None:
        crawler.stop_within(stopped)
    done = await task
    assert asyncio.get_running_loop().time() == pytest.approx(ends_at)
    assert done.judged.reason is BlindReason.STARVED
    failures = [point.failure for point in points_named(done.points, "crn_reachability")]
    assert failures == ["blind"] * 4 + ["none"]


async def test_own_points_and_counters() -> None:
    """A round reports itself, what did not run before it, and its store as of the last round."""
    crawler = crawler_of(NodeSource(nodes(3)), Prober())
    first = await crawler.round(replace(REQUEST, skipped=2, missed=5))
    second = await crawler.round(NEXT)
    (own,) = points_named(first.points, "collector")
    assert (own.rounds_skipped, own.rounds_missed, own.overran) == (2, 5, False)
    assert (own.probes, own.points) == (3, len(list(first.points)))
    assert own.rss_bytes > 0
    assert points_named(first.points, "collector_store") == []
    (own,) = points_named(second.points, "collector")
    assert (own.rounds_skipped, own.rounds_missed) == (0, 0)
    (store,) = points_named(second.points, "collector_store")
    assert (store.store, store.connected) == ("embedded", True)
    assert store.points_delivered == len(list(first.points))


async def test_a_store_that_keeps_waiting() -> None:
    """Rounds go on while the disk takes nothing, and the next one says how much waits."""
    store = PendingRounds()
    crawler = crawler_of(NodeSource(nodes(2)), Prober(), store=store)
    await crawler.round(REQUEST)
    done = await crawler.round(NEXT)
    (report,) = points_named(done.points, "collector_store")
    assert (report.connected, report.backlog_points, report.backlog_bytes) == (False, 9, 900)
    assert report.backlog_seconds == 60.0
    assert [batch.time for batch in store.batches] == [TIME, TIME + 60]


async def test_state_is_kept_with_its_round() -> None:
    """The batch that is committed holds the memory of the round that it judged."""
    store = PendingRounds()
    listed = nodes(2)
    await crawler_of(NodeSource(listed), Prober(), store=store).round(REQUEST)
    state = store.batches[0].state
    assert state["round"] == str(TIME).encode()
    assert {f"node:{node.hash}" for node in listed} <= set(state)


async def test_without_a_list() -> None:
    """No list, no round: the error names it, and nothing is stored."""
    store = PendingRounds()
    source = NodeSource([], error=DirectoryError("no list"))
    with pytest.raises(DirectoryError, match="no list"):
        await crawler_of(source, Prober(), store=store).round(REQUEST)
    assert store.batches == []


async def test_observers_hear_of_a_round() -> None:
    """An observer hears how many nodes are visited, of each visit, and of the finished round."""
    recorder = Recorder()
    source = NodeSource(nodes(4, refused={3}))
    done = await crawler_of(source, Prober(), observers=[recorder]).round(REQUEST)
    assert recorder.started == [(REQUEST, 3)]
    assert len(recorder.observations) == 3
    assert recorder.results == [done]
    assert recorder.results[0] is done


async def test_an_observer_that_fails_breaks_no_round(caplog: pytest.LogCaptureFixture) -> None:
    """Its failure is logged once a round; the round is stored and the others hear of it."""
    recorder, store = Recorder(), PendingRounds()
    observers = [Broken(), recorder]
    crawler = crawler_of(NodeSource(nodes(3)), Prober(), store=store, observers=observers)
    await crawler.round(REQUEST)
    assert caplog.text.count("Broken failed; the round goes on") == 1
    assert "KeyError: 'start'" in caplog.text
    assert len(recorder.observations) == 3
    assert [result.judged.time for result in recorder.results] == [TIME]
    await crawler.round(NEXT)
    assert caplog.text.count("Broken failed; the round goes on") == 2
    assert [batch.time for batch in store.batches] == [TIME, TIME + 60]


async def test_a_round_that_fails_is_no_finished_round() -> None:
    """Observers of a round that could not be stored hear of no result."""

    class Failing(PendingRounds):
        async def commit(self, batch: RoundRecord) -> Receipt:
            raise RuntimeError("a bug of ours")

    recorder = Recorder()
    crawler = crawler_of(NodeSource(nodes(1)), Prober(), store=Failing(), observers=[recorder])
    with pytest.raises(RuntimeError):
        await crawler.round(REQUEST)
    assert (len(recorder.started), recorder.results) == (1, [])


async def test_sinks_are_reported() -> None:
    """Each sink has a point in every round, and hears how many points were dropped before it."""
    store, sink = PendingRounds(unsent=11), Delivery()
    crawler = crawler_of(NodeSource(nodes(1)), Prober(), store=store, sinks=[sink])
    first = await crawler.round(REQUEST)
    second = await crawler.round(NEXT)
    assert [p.store for p in points_named(first.points, "collector_store")] == ["elsewhere"]
    (own, other) = points_named(second.points, "collector_store")
    assert (own.store, other.store) == ("embedded", "elsewhere")
    assert (other.points_delivered, other.points_rejected, other.points_dropped) == (1, 2, 3)
    assert (other.backlog_bytes, other.backlog_points) == (4, 5)
    assert (other.backlog_seconds, other.write_seconds) == (6.0, 7.0)
    assert sink.asked == [(TIME, 0), (TIME + 60, 11)]


async def test_a_stop_in_mid_round() -> None:
    """A round that is stopped while it visits ends, is judged and is stored."""
    listed = nodes(2)
    prober = Prober({listed[1].hash: None})
    crawler = crawler_of(NodeSource(listed), prober)
    task = asyncio.create_task(crawler.round(LONG))
    await prober.hangs.wait()
    asked_at = asyncio.get_running_loop().time()
    crawler.stop_within(1.5)
    done = await task
    assert asyncio.get_running_loop().time() == pytest.approx(asked_at + 1.5)
    failures = [point.failure for point in points_named(done.points, "crn_reachability")]
    assert failures == ["none", "round_deadline"]
    assert done.overran


async def test_a_stop_before_the_visits() -> None:
    """A round that is stopped while it waits for its list visits no longer than it is left."""
    listed = nodes(1)
    prober = Prober({listed[0].hash: None})
    source = NodeSource(listed, ready=asyncio.Event())
    crawler = crawler_of(source, prober)
    task = asyncio.create_task(crawler.round(LONG))
    await source.asked.wait()
    crawler.stop_within(0.1)
    assert source.ready
    source.ready.set()
    done = await task
    assert done.overran
    assert asyncio.get_running_loop().time() == pytest.approx(0.1)


async def test_cancel() -> None:
    """A round that is cancelled leaves nothing running and stores nothing."""
    listed = nodes(1)
    prober, store = Prober({listed[0].hash: None}), PendingRounds()
    task = asyncio.create_task(crawler_of(NodeSource(listed), prober, store=store).round(REQUEST))
    await prober.hangs.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.batches == []
