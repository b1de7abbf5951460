"""Rounds at wall-clock multiples of the interval: never two at once, and none moves another."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from collector.times import round_time, uptime_seconds

log = logging.getLogger(__name__)

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_JOB: Final = "round"
_EARLY_SECONDS: Final = 0.5
"""A job that the scheduler starts a little before its time belongs to that time."""
_STEP_SECONDS: Final = 2.0
_WATCH_SECONDS: Final = 5.0
_EARLIEST: Final = 1_577_836_800
"""2020-01-01: a clock that says less was not set yet since the machine started."""


@dataclass(frozen=True, slots=True)
class ScheduledRound:
    """A round whose time has come."""

    time: int
    """A multiple of the interval, in epoch seconds."""
    first: bool
    """The first one after the start: run at once, not at its time."""
    skipped: int
    """Rounds since the last one that did not run, since one was still running."""
    missed: int
    """Rounds since the last one that did not run, though none was running."""


class Schedule:
    """Calls `crawl` for every round, and counts those that did not run.

    `crawl` returns whether the round was stored; one that was not counts as missed in the next.
    """

    def __init__(
        self,
        interval_seconds: int,
        crawl: Callable[[ScheduledRound], Awaitable[bool]],
        last_round: int | None = None,
        clock: Callable[[], float] = time.time,
        uptime: Callable[[], float] = uptime_seconds,
    ) -> None:
        self._interval = interval_seconds
        self._crawl = crawl
        self._clock = clock
        self._uptime = uptime
        self._last = last_round
        """Time of the last round that was begun, here or before the start."""
        self._stored: int | None = None
        """Time of the last round that was stored since the start."""
        self._stored_uptime = 0.0
        """When that one began, by a clock that nobody sets."""
        self._skipped = 0
        self._stopping = False
        self._first: asyncio.Task[None] | None = None
        self._under_way: asyncio.Task[None] | None = None
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
        self._first = asyncio.create_task(self._run_first())
        watch = asyncio.create_task(self._watch_clock())
        try:
            await stop.wait()
        finally:
            self._stopping = True
            self._scheduler.pause()
            watch.cancel()
            await asyncio.wait({watch})

    async def finish(self, within_seconds: float) -> None:
        """Wait for the round under way, at most so long, then cancel it; end the scheduler."""
        if self._under_way:
            _, late = await asyncio.wait({self._under_way}, timeout=within_seconds)
            if late:
                log.error("the running round did not end in time and is abandoned")
                self._under_way.cancel()
                await asyncio.wait(late)
        if self._first:
            await asyncio.wait({self._first})
        self._scheduler.shutdown(wait=False)

    def _missed(self, at: int) -> int:
        """Rounds between the last stored one and this one that did not run, skipped ones aside."""
        if self._stored is None:
            return 0
        passed = round((self._uptime() - self._stored_uptime) / self._interval)
        multiples = min(passed, (at - self._stored) // self._interval)  # the clock may have leapt
        return max(0, multiples - 1 - self._skipped)

    def _trigger(self) -> IntervalTrigger:
        return IntervalTrigger(seconds=self._interval, start_date=_EPOCH, timezone=dt.UTC)

    async def _run_first(self) -> None:
        """A round at once, under the time of the multiple just passed, unless it is stored."""
        at = round_time(self._clock(), self._interval)
        if at == self._last:
            log.info("round %d is stored already; the next one is at %d", at, at + self._interval)
            return
        await self._run(at, first=True)

    async def _tick(self) -> None:
        at = round_time(self._clock() + _EARLY_SECONDS, self._interval)
        if self._under_way:
            self._skipped += 1
            log.warning("round %d is skipped: the one before is still running", at)
            return
        if at != self._last:
            await self._run(at, first=False)

    async def _run(self, at: int, first: bool) -> None:
        if self._stopping:
            return
        if at < _EARLIEST:
            log.warning("round %d is not crawled: the clock of this machine is not set", at)
            return
        self._under_way = asyncio.current_task()
        self._last = at
        began = self._uptime()
        due = ScheduledRound(at, first, self._skipped, self._missed(at))
        try:
            if await self._crawl(due):
                self._stored, self._stored_uptime = at, began
                self._skipped -= due.skipped  # those skipped meanwhile are the next round's
        finally:
            self._under_way = None

    async def _watch_clock(self) -> None:
        """Reschedule after a step of the wall clock, the only clock that the scheduler knows."""
        offset = self._clock() - time.monotonic()
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            now = self._clock() - time.monotonic()
            if abs(now - offset) > _STEP_SECONDS:
                log.warning("the clock was stepped by %.0f s", now - offset)
                self._scheduler.reschedule_job(_JOB, trigger=self._trigger())
            offset = now
