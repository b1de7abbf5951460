"""All looks of a round: when each begins, and that each leaves an observation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from collector.crawl.gate import Gate
from collector.crawl.round import RoundTiming
from collector.crawl.sweep import Sweep
from collector.model.failure import Failure
from collector.model.node import Node
from collector.model.observation import Observation
from collector.state.plan import VisitPlan


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task behind."""
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()


def order(number: int, hung: bool = False, evidence_at: int = 0) -> VisitPlan:
    node = Node(f"{number:064x}", "", f"https://n{number}.test")
    return VisitPlan(node, ipv6=False, hung=hung, evidence_at=evidence_at)


@dataclass
class Stage:
    """Looks that wait until they are let go, or not at all, and what became of them."""

    hangs: set[str] = field(default_factory=set)
    bugs: set[str] = field(default_factory=set)
    begun: list[tuple[float, str]] = field(default_factory=list)
    most: int = 0
    running: int = 0
    all_hang: asyncio.Event = field(default_factory=asyncio.Event)

    def look(self, node: Node, ipv6: bool) -> _Look:
        return _Look(self, node)


@dataclass
class _Look:
    stage: Stage
    node: Node
    done: bool = False

    async def run(self) -> None:
        stage = self.stage
        stage.begun.append((asyncio.get_running_loop().time(), self.node.hash))
        stage.running += 1
        stage.most = max(stage.most, stage.running)
        try:
            if self.node.hash in stage.bugs:
                raise KeyError("a bug of ours")
            if self.node.hash in stage.hangs:
                if stage.running == len(stage.hangs):
                    stage.all_hang.set()
                await asyncio.Event().wait()
            await asyncio.sleep(0)
            self.done = True
        finally:
            stage.running -= 1

    def observation(self, is_unfinished: bool = False) -> Observation:
        if self.done:
            return Observation(self.node, Failure.NONE)
        return Observation(self.node, Failure.ROUND_DEADLINE if is_unfinished else Failure.INTERNAL)


def failures(observations: dict[str, Observation]) -> list[Failure]:
    return [observations[key].failure for key in sorted(observations)]


async def test_one_observation_for_every_order() -> None:
    """Every node that was ordered is observed, and each is shown as it comes in."""
    stage, shown = Stage(), list[Observation]()
    plans = [order(i, hung=i % 3 == 0) for i in range(30)]
    sweep = Sweep(Gate(4), stage.look, shown.append)
    observations = await sweep.run(plans, RoundTiming(0, 5))
    assert failures(observations) == [Failure.NONE] * 30
    assert sorted(o.node.hash for o in shown) == sorted(observations)
    assert stage.most <= 4
    assert not sweep.overran


async def test_nobody() -> None:
    """A round without nodes ends at once."""
    assert await Sweep(Gate(1), Stage().look).run([], RoundTiming(30, 5)) == {}


async def test_the_deadline_ends_the_round() -> None:
    """What has not finished, begun or got through the gate by then is recorded as unfinished."""
    plans = [order(0), order(1), order(2), order(3, hung=True), order(4, hung=True)]
    stage = Stage(hangs={o.node.hash for o in plans[1:]})
    gate = Gate(2)
    sweep = Sweep(gate, stage.look)
    observations = await sweep.run(plans, RoundTiming(0, 0.2))
    assert sweep.overran
    assert failures(observations) == [Failure.NONE] + [Failure.ROUND_DEADLINE] * 4
    async with asyncio.timeout(1):
        await gate.enter(slow=True)
        await gate.enter(slow=False)


async def test_spread_by_hash() -> None:
    """Looks begin over the window at a stable place of each node, early ones first."""
    stage = Stage()
    plans = [order(i) for i in range(20)]
    start = asyncio.get_running_loop().time()
    await Sweep(Gate(20), stage.look).run(plans, RoundTiming(0.4, 5))
    places = {o.node.hash: o.node.fraction() * 0.4 for o in plans}
    assert [key for _, key in stage.begun] == sorted(places, key=lambda key: places[key])
    late = [at - start - places[key] for at, key in stage.begun]
    assert min(late) >= -0.01
    assert max(late) < 0.2


async def test_oldest_evidence_first_where_nothing_is_spread() -> None:
    """Without a window looks begin a few at a time, those of whom least is known first."""
    stage = Stage()
    plans = [order(i, evidence_at=100 - i) for i in range(10)]
    await Sweep(Gate(10), stage.look).run(plans, RoundTiming(0, 5, starts_per_second=50))
    assert [key for _, key in stage.begun] == [o.node.hash for o in reversed(plans)]
    took = stage.begun[-1][0] - stage.begun[0][0]
    assert took == pytest.approx(9 / 50, abs=0.1)


async def test_the_lane_holds_up_nobody() -> None:
    """However many nodes hung last time, those that answer find three quarters of the gate."""
    slow = [order(i, hung=True) for i in range(8)]
    fast = [order(i) for i in range(100, 140)]
    stage = Stage(hangs={o.node.hash for o in slow})
    observations = await Sweep(Gate(8), stage.look).run([*slow, *fast], RoundTiming(0, 0.4))
    assert failures(observations) == [Failure.ROUND_DEADLINE] * 8 + [Failure.NONE] * 40
    assert sum(key in stage.hangs for _, key in stage.begun) == 2


async def test_cut() -> None:
    """A round that is cut ends within the time it is left, and records what is unfinished."""
    stage = Stage(hangs={order(1).node.hash})
    sweep = Sweep(Gate(2), stage.look)
    task = asyncio.create_task(sweep.run([order(0), order(1)], RoundTiming(0, 60)))
    await stage.all_hang.wait()
    async with asyncio.timeout(2):
        sweep.stop_within(0.0)
        observations = await task
    assert failures(observations) == [Failure.NONE, Failure.ROUND_DEADLINE]
    assert sweep.overran


async def test_a_cut_never_lengthens_a_round() -> None:
    """More time than is left is not given."""
    stage = Stage(hangs={order(1).node.hash})
    sweep = Sweep(Gate(2), stage.look)
    task = asyncio.create_task(sweep.run([order(1)], RoundTiming(0, 0.2)))
    await stage.all_hang.wait()
    sweep.stop_within(60)
    async with asyncio.timeout(2):
        await task


async def test_a_cut_that_comes_as_the_deadline_passes() -> None:
    """A stop in the very moment in which the round ends by itself does no harm."""
    stage = Stage(hangs={order(1).node.hash})

    class Late(Gate):
        async def enter(self, slow: bool) -> None:
            try:
                await super().enter(slow)
            except asyncio.CancelledError:
                sweep.stop_within(1.0)
                raise

    sweep = Sweep(Late(1), stage.look)
    observations = await sweep.run([order(1), order(2)], RoundTiming(0, 0.1))
    assert failures(observations) == [Failure.ROUND_DEADLINE] * 2
    sweep.stop_within(1.0)


async def test_cancel() -> None:
    """A round that is cancelled takes all its looks along."""
    plans = [order(i, hung=i > 3) for i in range(8)]
    stage = Stage(hangs={o.node.hash for o in plans[:5]})
    task = asyncio.create_task(Sweep(Gate(5), stage.look).run(plans, RoundTiming(0, 60)))
    await stage.all_hang.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stage.running == 0


async def test_a_bug_costs_one_node(caplog: pytest.LogCaptureFixture) -> None:
    """A look that breaks off is logged with its traceback; the round goes on."""
    stage = Stage(bugs={order(0).node.hash})
    with caplog.at_level(logging.ERROR):
        observations = await Sweep(Gate(1), stage.look).run([order(0), order(1)], RoundTiming(0, 5))
    assert failures(observations) == [Failure.INTERNAL, Failure.NONE]
    assert "https://n0.test broke off" in caplog.text
    assert "KeyError" in caplog.text
