"""Rounds at wall-clock multiples of the interval; never two at once; none moved by another."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

log = logging.getLogger(__name__)

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_JOB: Final = "round"
_EARLY_SECONDS: Final = 0.5
"""A job that the scheduler starts a little before its time belongs to that time."""
_STEP_SECONDS: Final = 2.0
_WATCH_SECONDS: Final = 5.0


def multiple(now: float, interval_seconds: int) -> int:
    """The multiple of the interval that has just passed, in epoch seconds."""
    return int(now // interval_seconds) * interval_seconds


class Schedule:
    """Calls `crawl(time, first)` for every round, and counts those that did not run."""

    def __init__(
        self,
        interval_seconds: int,
        crawl: Callable[[int, bool], Awaitable[None]],
        last_round: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._interval = interval_seconds
        self._crawl = crawl
        self._clock = clock
        self._last = last_round
        self._started: int | None = None
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.skipped = 0
        """Rounds since the last one that did not run since one was running."""
        self._scheduler = AsyncIOScheduler(timezone=dt.UTC)

    async def run(self, stop: asyncio.Event) -> None:
        """Run rounds until `stop` is set. The round under way then is left to `finish`."""
        self._scheduler.add_job(
            self._tick,
            self._trigger(),
            id=_JOB,
            coalesce=True,
            max_instances=2,  # the second one only counts itself as skipped
            misfire_grace_time=max(1, self._interval // 2),
        )
        self._scheduler.start()
        first = asyncio.create_task(self._first())
        watch = asyncio.create_task(self._watch_clock())
        try:
            await stop.wait()
        finally:
            watch.cancel()
            self._scheduler.pause()
            await asyncio.wait({watch})
            if self._busy is False:
                first.cancel()

    async def finish(self, within_seconds: float) -> None:
        """Wait for the round under way, so long at most, and let the scheduler go."""
        try:
            async with asyncio.timeout(within_seconds):
                await self._idle.wait()
        except TimeoutError:
            log.error("the round under way did not end in time and is given up")
        self._scheduler.shutdown(wait=False)

    def missed(self, at: int) -> int:
        """Rounds between the last one and this one that did not run, though none was running."""
        if self._started is None:
            return 0
        return max(0, (at - self._started) // self._interval - 1 - self.skipped)

    def _trigger(self) -> IntervalTrigger:
        return IntervalTrigger(seconds=self._interval, start_date=_EPOCH, timezone=dt.UTC)

    async def _first(self) -> None:
        """A round at once, under the time of the multiple just passed, unless it is held."""
        at = multiple(self._clock(), self._interval)
        if at == self._last:
            log.info("round %d is stored already; the next one is at %d", at, at + self._interval)
            return
        await self._round(at, first=True)

    async def _tick(self) -> None:
        at = multiple(self._clock() + _EARLY_SECONDS, self._interval)
        if self._busy:
            self.skipped += 1
            log.warning("round %d is skipped: the one before is still running", at)
            return
        if at != self._last:
            await self._round(at, first=False)

    async def _round(self, at: int, first: bool) -> None:
        self._busy = True
        self._idle.clear()
        self._last = at
        try:
            await self._crawl(at, first)
            self._started, self.skipped = at, 0
        finally:
            self._busy = False
            self._idle.set()

    async def _watch_clock(self) -> None:
        """The scheduler knows the wall clock only; when that is stepped, it must think anew."""
        offset = self._clock() - time.monotonic()
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            now = self._clock() - time.monotonic()
            if abs(now - offset) > _STEP_SECONDS:
                log.warning("the clock was stepped by %.0f s", now - offset)
                self._scheduler.reschedule_job(_JOB, trigger=self._trigger())
            offset = now
