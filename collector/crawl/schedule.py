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

from collector.times import round_time

log = logging.getLogger(__name__)

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_JOB: Final = "round"
_EARLY_SECONDS: Final = 0.5
"""A job that the scheduler starts a little before its time belongs to that time."""
_STEP_SECONDS: Final = 2.0
_WATCH_SECONDS: Final = 5.0


class Schedule:
    """Calls `crawl(time, first)` for every round, and counts those that did not run.

    `crawl` says whether the round was kept; one that was not counts as missed in the next.
    """

    def __init__(
        self,
        interval_seconds: int,
        crawl: Callable[[int, bool], Awaitable[bool]],
        last_round: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._interval = interval_seconds
        self._crawl = crawl
        self._clock = clock
        self._last = last_round
        self._started: int | None = None
        self._stopping = False
        self._first: asyncio.Task[None] | None = None
        self._under_way: asyncio.Task[None] | None = None
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
        self._first = asyncio.create_task(self._begin())
        watch = asyncio.create_task(self._watch_clock())
        try:
            await stop.wait()
        finally:
            self._stopping = True
            self._scheduler.pause()
            watch.cancel()
            await asyncio.wait({watch})

    async def finish(self, within_seconds: float) -> None:
        """Wait for the round under way, so long at most, then cancel it; let the scheduler go."""
        if self._under_way:
            _, late = await asyncio.wait({self._under_way}, timeout=within_seconds)
            if late:
                log.error("the round under way did not end in time and is given up")
                self._under_way.cancel()
                await asyncio.wait(late)
        if self._first:
            await asyncio.wait({self._first})
        self._scheduler.shutdown(wait=False)

    def missed(self, at: int) -> int:
        """Rounds between the last one and this one that did not run, though none was running."""
        if self._started is None:
            return 0
        return max(0, (at - self._started) // self._interval - 1 - self.skipped)

    def _trigger(self) -> IntervalTrigger:
        return IntervalTrigger(seconds=self._interval, start_date=_EPOCH, timezone=dt.UTC)

    async def _begin(self) -> None:
        """A round at once, under the time of the multiple just passed, unless it is held."""
        at = round_time(self._clock(), self._interval)
        if at == self._last:
            log.info("round %d is stored already; the next one is at %d", at, at + self._interval)
            return
        await self._round(at, first=True)

    async def _tick(self) -> None:
        at = round_time(self._clock() + _EARLY_SECONDS, self._interval)
        if self._under_way:
            self.skipped += 1
            log.warning("round %d is skipped: the one before is still running", at)
            return
        if at != self._last:
            await self._round(at, first=False)

    async def _round(self, at: int, first: bool) -> None:
        if self._stopping:
            return
        self._under_way = asyncio.current_task()
        self._last = at
        told = self.skipped
        try:
            if await self._crawl(at, first):
                self._started = at
                self.skipped -= told  # what was skipped meanwhile is for the next round to tell
        finally:
            self._under_way = None

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
