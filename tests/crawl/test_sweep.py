"""All visits of a round: when each begins, and that each leaves an observation."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, field

import pytest

from collector.crawl.gate import Gate
from collector.crawl.round import RoundTiming
from collector.crawl.sweep import Sweep
from collector.model.failure import Failure
from collector.model.node import Node
from collector.model.observation import Ipv6Method, Observation
from collector.state.plan import VisitPlan
from tests.support.virtual_clock import VirtualClockLoop

pytestmark = pytest.mark.asyncio(loop_factories=["virtual"])


def plan(number: int, hung: bool = False, evidence_at: int = 0) -> VisitPlan:
    node = Node(f"{number:064x}", "", f"https://n{number}.test")
    return VisitPlan(node, ipv6=None, hung=hung, evidence_at=evidence_at)


@dataclass
class Stage:
    """Visits that end at once, never end or fail, and what became of them."""

    hangs: set[str] = field(default_factory=set)
    bugs: set[str] = field(default_factory=set)
    begun: list[tuple[float, str]] = field(default_factory=list)
    most: int = 0
    running: int = 0
    all_hang: asyncio.Event = field(default_factory=asyncio.Event)

    def visit(self, node: Node, ipv6: Ipv6Method | None) -> _Visit:
        return _Visit(self, node)


@dataclass
class _Visit:
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


async def test_one_observation_for_every_plan() -> None:
    """Every planned node is observed, and each observation is passed on as it comes in."""
    stage, shown = Stage(), list[Observation]()
    plans = [plan(i, hung=i % 3 == 0) for i in range(30)]
    sweep = Sweep(Gate(4), stage.visit, shown.append)
    observations = await sweep.run(plans, RoundTiming(0, 5))
    assert failures(observations) == [Failure.NONE] * 30
    assert sorted(p.node.hash for p in shown) == sorted(observations)
    assert stage.most <= 4
    assert not sweep.overran


async def test_nobody() -> None:
    """A round without nodes ends at once."""
    assert await Sweep(Gate(1), Stage().visit).run([], RoundTiming(30, 5)) == {}


async def test_the_deadline_ends_the_round() -> None:
    """What has not finished, begun or got through the gate by then is recorded as unfinished."""
    plans = [plan(0), plan(1), plan(2), plan(3, hung=True), plan(4, hung=True)]
    stage = Stage(hangs={p.node.hash for p in plans[1:]})
    gate = Gate(2)
    sweep = Sweep(gate, stage.visit)
    observations = await sweep.run(plans, RoundTiming(0, 0.2))
    assert sweep.overran
    assert failures(observations) == [Failure.NONE] + [Failure.ROUND_DEADLINE] * 4
    assert asyncio.get_running_loop().time() == pytest.approx(0.2)
    async with asyncio.timeout(1):
        await gate.enter(slow=True)
        await gate.enter(slow=False)


async def test_spread_by_hash() -> None:
    """Visits begin over the window at the fraction of each node, early ones first."""
    stage = Stage()
    plans = [plan(i) for i in range(20)]
    await Sweep(Gate(20), stage.visit).run(plans, RoundTiming(0.4, 5))
    places = {o.node.hash: o.node.fraction() * 0.4 for o in plans}
    assert [key for _, key in stage.begun] == sorted(places, key=lambda key: places[key])
    assert [at for at, _ in stage.begun] == pytest.approx(sorted(places.values()))


async def test_oldest_evidence_first_where_nothing_is_spread() -> None:
    """Without a window visits begin at a fixed rate, those with the oldest evidence first."""
    stage = Stage()
    plans = [plan(i, evidence_at=100 - i) for i in range(10)]
    await Sweep(Gate(10), stage.visit).run(plans, RoundTiming(0, 5, starts_per_second=50))
    assert [key for _, key in stage.begun] == [p.node.hash for p in reversed(plans)]
    assert [at for at, _ in stage.begun] == pytest.approx([i / 50 for i in range(10)])


def record_turns(stage: Stage, visits: int) -> list[int]:
    """From now on, the turn of the loop in which each visit begins, up to so many visits."""
    loop, turns = asyncio.get_running_loop(), list[int]()
    before = len(stage.begun)

    def count(turn: int) -> None:
        turns.extend([turn] * (len(stage.begun) - before - len(turns)))
        if len(turns) < visits:
            loop.call_soon(count, turn + 1)

    count(0)
    return turns


async def test_one_visit_begins_in_a_turn_of_the_loop() -> None:
    """However many visits are due, of both lanes, the loop polls between any two that begin."""
    stage = Stage()
    turns = record_turns(stage, 30)
    plans = [plan(i, hung=i % 3 == 0) for i in range(30)]
    await Sweep(Gate(30), stage.visit).run(plans, RoundTiming(0, 5, math.inf))
    assert len(turns) == len(set(turns)) == 30


async def test_a_standstill_is_not_followed_by_a_burst() -> None:
    """Visits that fell due while the loop stood still begin one in a turn, too."""
    loop, stage = asyncio.get_running_loop(), Stage()
    assert isinstance(loop, VirtualClockLoop)
    recorded = list[list[int]]()

    def stand_still() -> None:
        loop.advance(10)
        recorded.append(record_turns(stage, 40))

    loop.call_later(0.19, stand_still)
    plans = [plan(i) for i in range(50)]
    await Sweep(Gate(100), stage.visit).run(plans, RoundTiming(0, 30, 50))
    (turns,) = recorded
    assert len(turns) == len(set(turns)) == 40


async def test_the_slow_lane_holds_up_nobody() -> None:
    """However many nodes hung last time, those that answer find three quarters of the gate."""
    slow = [plan(i, hung=True) for i in range(8)]
    fast = [plan(i) for i in range(100, 140)]
    stage = Stage(hangs={p.node.hash for p in slow})
    observations = await Sweep(Gate(8), stage.visit).run([*slow, *fast], RoundTiming(0, 0.4))
    assert failures(observations) == [Failure.ROUND_DEADLINE] * 8 + [Failure.NONE] * 40
    assert sum(key in stage.hangs for _, key in stage.begun) == 2


async def test_stop_within() -> None:
    """A sweep that is stopped ends within the time it is left, and records what is unfinished."""
    stage = Stage(hangs={plan(1).node.hash})
    sweep = Sweep(Gate(2), stage.visit)
    task = asyncio.create_task(sweep.run([plan(0), plan(1)], RoundTiming(0, 60)))
    await stage.all_hang.wait()
    asked_at = asyncio.get_running_loop().time()
    sweep.stop_within(1.5)
    observations = await task
    assert asyncio.get_running_loop().time() == pytest.approx(asked_at + 1.5)
    assert failures(observations) == [Failure.NONE, Failure.ROUND_DEADLINE]
    assert sweep.overran


async def test_a_stop_never_lengthens_a_round() -> None:
    """The deadline stays where a stop would put it off."""
    stage = Stage(hangs={plan(1).node.hash})
    sweep = Sweep(Gate(2), stage.visit)
    task = asyncio.create_task(sweep.run([plan(1)], RoundTiming(0, 0.2)))
    await stage.all_hang.wait()
    sweep.stop_within(60)
    await task
    assert asyncio.get_running_loop().time() == pytest.approx(0.2)


async def test_a_stop_that_comes_as_the_deadline_passes() -> None:
    """A stop in the very moment in which the round ends by itself does no harm."""
    stage = Stage(hangs={plan(1).node.hash})

    class Late(Gate):
        async def enter(self, slow: bool) -> None:
            try:
                await super().enter(slow)
            except asyncio.CancelledError:
                sweep.stop_within(1.0)
                raise

    sweep = Sweep(Late(1), stage.visit)
    observations = await sweep.run([plan(1), plan(2)], RoundTiming(0, 0.1))
    assert failures(observations) == [Failure.ROUND_DEADLINE] * 2
    sweep.stop_within(1.0)


async def test_cancel() -> None:
    """A sweep that is cancelled cancels all its visits."""
    plans = [plan(i, hung=i > 3) for i in range(8)]
    stage = Stage(hangs={p.node.hash for p in plans[:5]})
    task = asyncio.create_task(Sweep(Gate(5), stage.visit).run(plans, RoundTiming(0, 60)))
    await stage.all_hang.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stage.running == 0


async def test_a_bug_costs_one_node(caplog: pytest.LogCaptureFixture) -> None:
    """A visit that breaks off is logged with its traceback; the round goes on."""
    stage = Stage(bugs={plan(0).node.hash})
    with caplog.at_level(logging.ERROR):
        observations = await Sweep(Gate(1), stage.visit).run([plan(0), plan(1)], RoundTiming(0, 5))
    assert failures(observations) == [Failure.INTERNAL, Failure.NONE]
    assert "https://n0.test broke off" in caplog.text
    assert "KeyError" in caplog.text
