"""What of a visit's time counts, and when a failure is our own."""

from __future__ import annotations

import asyncio

import pytest

from collector.loop_lag import Clocks, LoopLag
from collector.probe.stopwatch import Stopwatch, time_limit


class Lag(LoopLag):
    """A lag, and a clock, that say what the test says."""

    def __init__(self) -> None:
        super().__init__(Clocks(lambda: self.now, lambda: self.now, lambda: self.now))
        self.now = 100.0
        self.late = 7.0
        self.still = 3.0

    @property
    def late_seconds(self) -> float:
        return self.late

    @property
    def standstill_seconds(self) -> float:
        return self.still


@pytest.mark.parametrize(
    ("listened", "late", "away", "starved"),
    [
        pytest.param(5.0, 0.0, 0.0, False, id="silent"),
        pytest.param(0.0, 0.9, 0.0, False, id="closed-at-once-while-late"),
        pytest.param(5.0, 1.5, 0.0, False, id="stood-still-for-less-than-a-quarter"),
        pytest.param(5.0, 2.0, 0.0, True, id="stood-still-for-more"),
        pytest.param(0.1, 3.0, 0.0, True, id="closed-after-a-standstill"),
        pytest.param(5.0, 0.0, 1.0, False, id="slept-too-short"),
        pytest.param(5.0, 0.0, 600.0, True, id="slept"),
        pytest.param(0.0, 0.0, 600.0, True, id="closed-while-asleep"),
    ],
)
def test_starved(listened: float, late: float, away: float, starved: bool) -> None:
    """A standstill of a second, and of a quarter of the time, makes silence no evidence."""
    lag = Lag()
    watch = Stopwatch.start(lag)
    lag.now += listened + late
    lag.late += late
    lag.still += late + away
    assert watch.is_starved is starved
    assert watch.listened_seconds == pytest.approx(listened)


def test_many_short_delays_starve_nobody() -> None:
    """Lateness that no peer notices lengthens the limit, and leaves a silent node its failure."""
    lag = Lag()
    watch = Stopwatch.start(lag)
    lag.now += 20.0
    lag.late += 15.0
    assert not watch.is_starved
    assert watch.budget(5.0)() == pytest.approx(0.0)


async def test_a_limit_counts_what_was_listened() -> None:
    """A limit whose timer fires after a standstill waits for what is left of it."""
    lag, left = Lag(), list[float]()
    budget = Stopwatch.start(lag).budget(0.03)

    def left_seconds() -> float:
        left.append(budget())
        lag.now += 10.02  # what passes until it is asked again
        lag.late += 10.0
        return left[-1]

    with pytest.raises(TimeoutError):
        async with time_limit(left_seconds):
            await asyncio.Event().wait()
    assert left == pytest.approx([0.03, 0.01, -0.01])


async def test_a_limit_that_is_not_reached() -> None:
    """What ends in time is not disturbed."""
    async with time_limit(lambda: 60.0):
        await asyncio.sleep(0)


async def test_a_limit_that_is_used_up_already() -> None:
    """Nothing is waited for when nothing is left."""
    with pytest.raises(TimeoutError):
        async with time_limit(lambda: 0.0):
            await asyncio.Event().wait()
