"""How late an event loop is, in sum and at once."""

from __future__ import annotations

import asyncio

import pytest

from collector.crawl.loop_lag import LoopLag
from tests.support.virtual_clock import VirtualClockLoop

pytestmark = pytest.mark.asyncio(loop_factories=["virtual"])


async def _stand_still(times: int, each_seconds: float, pause_seconds: float) -> LoopLag:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualClockLoop)
    async with LoopLag() as lag:
        for _ in range(times):
            loop.advance(each_seconds)
            await asyncio.sleep(pause_seconds)
    loop.advance(100)
    return lag


@pytest.mark.parametrize(
    ("times", "each_seconds", "pause_seconds", "worst", "most", "late"),
    [
        pytest.param(1, 0.0, 60.0, 0.0, 0.0, 0.0, id="never"),
        pytest.param(1, 2.5, 1.0, 2.4, 2.4, 2.4, id="once"),
        pytest.param(1, 7.0, 1.0, 6.9, 6.9, 6.9, id="longer-than-the-window"),
        pytest.param(4, 0.6, 0.6, 0.5, 2.0, 2.0, id="little-by-little"),
        pytest.param(10, 0.6, 9.4, 0.5, 0.5, 5.0, id="far-apart"),
        pytest.param(20, 0.6, 0.5, 0.5, 2.5, 10.0, id="half-of-the-time"),
    ],
)
async def test_lateness(
    times: int,
    each_seconds: float,
    pause_seconds: float,
    worst: float,
    most: float,
    late: float,
) -> None:
    """A sample is due each 0.1 s; late ones add up, as a whole and within five seconds."""
    lag = await _stand_still(times, each_seconds, pause_seconds)
    assert lag.worst_seconds == pytest.approx(worst)
    assert lag.most_late_seconds == pytest.approx(most, abs=0.11)
    assert lag.late_seconds == pytest.approx(late)


async def test_lateness_between_two_moments() -> None:
    """The sum can be read at any moment; a standstill that has only just ended is in it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualClockLoop)
    async with LoopLag() as lag:
        await asyncio.sleep(1.0)
        before = lag.late_seconds
        loop.advance(3.1)
        assert lag.late_seconds - before == pytest.approx(3.0, abs=0.11)
        await asyncio.sleep(1.0)
        assert lag.late_seconds - before == pytest.approx(3.0, abs=0.11)
