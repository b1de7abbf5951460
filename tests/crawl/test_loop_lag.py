"""How long an event loop did not listen: late, standing still, or away."""

from __future__ import annotations

import asyncio

import pytest

from collector.loop_lag import LoopLag
from tests.support.virtual_clock import Machine, VirtualClockLoop, virtual_clocks

pytestmark = pytest.mark.asyncio(loop_factories=["virtual"])


def advance(seconds: float) -> None:
    """Let time pass in which the loop stands still."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualClockLoop)
    loop.advance(seconds)


@pytest.mark.parametrize(
    ("times", "each_seconds", "pause_seconds", "worst", "most", "late", "standstill"),
    [
        pytest.param(1, 0.0, 60.0, 0.0, 0.0, 0.0, 0.0, id="never"),
        pytest.param(1, 2.55, 1.0, 2.5, 2.5, 2.5, 2.5, id="once"),
        pytest.param(1, 7.05, 1.0, 7.0, 7.0, 7.0, 7.0, id="longer-than-the-window"),
        pytest.param(4, 0.55, 0.6, 0.5, 2.0, 2.0, 2.0, id="little-by-little"),
        pytest.param(10, 0.55, 9.4, 0.5, 0.5, 5.0, 5.0, id="far-apart"),
        pytest.param(20, 0.55, 0.5, 0.5, 2.5, 10.0, 10.0, id="half-of-the-time"),
        pytest.param(20, 0.35, 0.5, 0.3, 1.8, 6.0, 0.0, id="too-short-for-a-standstill"),
    ],
)
async def test_lateness(
    times: int,
    each_seconds: float,
    pause_seconds: float,
    worst: float,
    most: float,
    late: float,
    standstill: float,
) -> None:
    """A sample is due each 0.05 s; late ones add up, in all, within five seconds, and if long."""
    async with LoopLag(virtual_clocks()) as lag:
        for _ in range(times):
            advance(each_seconds)
            await asyncio.sleep(pause_seconds)
    advance(100)
    assert lag.worst_seconds == pytest.approx(worst)
    assert lag.most_late_seconds == pytest.approx(most, abs=0.11)
    assert lag.late_seconds == pytest.approx(late)
    assert lag.standstill_seconds == pytest.approx(standstill)


async def test_lateness_between_two_moments() -> None:
    """The sum can be read at any moment; a standstill that has only just ended is in it."""
    async with LoopLag(virtual_clocks()) as lag:
        await asyncio.sleep(1.0)
        before, still_before = lag.late_seconds, lag.standstill_seconds
        advance(3.05)
        for _ in range(2):
            assert lag.late_seconds - before == pytest.approx(3.0, abs=0.06)
            assert lag.standstill_seconds - still_before == pytest.approx(3.0, abs=0.06)
            await asyncio.sleep(1.0)


async def test_each_round_has_its_own_worst() -> None:
    """Entered again, it counts anew what was worst, and goes on with the sums."""
    lag = LoopLag(virtual_clocks())
    async with lag:
        advance(2.05)
    advance(60)
    async with lag:
        advance(0.65)
    assert (lag.worst_seconds, lag.most_late_seconds) == pytest.approx((0.6, 0.6))
    assert lag.late_seconds == pytest.approx(2.6)


@pytest.mark.parametrize(
    ("slept", "set_forward", "standstill"),
    [
        pytest.param(600.0, 600.0, 600.0, id="laptop-suspended"),
        pytest.param(0.0, 30.0, 30.0, id="virtual-machine-paused"),
        pytest.param(0.0, 0.3, 0.0, id="clock-adjusted"),
        pytest.param(0.0, -3600.0, 0.0, id="clock-set-back"),
    ],
)
async def test_time_away(slept: float, set_forward: float, standstill: float) -> None:
    """Time that only other clocks know of is a standstill, at once, and not late: no timer ran."""
    machine = Machine()
    async with LoopLag(machine.clocks()) as lag:
        await asyncio.sleep(1.0)
        machine.slept, machine.set_forward = slept, set_forward
        for _ in range(2):
            assert lag.standstill_seconds == pytest.approx(standstill)
            await asyncio.sleep(1.0)
    assert (lag.late_seconds, lag.away_seconds) == pytest.approx((0.0, standstill))
    async with lag:
        assert lag.away_seconds == 0.0
