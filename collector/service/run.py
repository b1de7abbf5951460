"""Runs the collector: startup, rounds until it is asked to stop, shutdown. Or one round."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import psutil

from collector.crawl.crawler import Crawler, CrawlParts
from collector.crawl.ports import RoundObserver, Sink
from collector.crawl.round import RoundRequest, RoundResult, RoundTiming
from collector.crawl.round_logger import RoundLogger
from collector.crawl.schedule import Schedule, ScheduledRound
from collector.errors import CollectorError
from collector.service.event_loop import stop_on_signals
from collector.service.settings import Settings
from collector.service.wiring import open_parts
from collector.times import round_time

log = logging.getLogger(__name__)

_LAST_DELIVERY_SECONDS: Final = 2.0
"""For delivery at the end, even if the last round took all the time that there was."""


async def serve(settings: Settings) -> None:
    """Crawl in rounds until a signal asks to stop."""
    async with stop_on_signals() as stop, startup(settings) as service:
        await service.run(stop)
        await service.shutdown()


@contextlib.asynccontextmanager
async def startup(
    settings: Settings, observers: Sequence[RoundObserver] = ()
) -> AsyncIterator[Service]:
    """Open all parts and yield the service; close the parts at the end, the store last."""
    async with open_parts(settings) as parts:
        yield Service(settings, parts, observers)


class Service:
    """Crawls rounds on schedule. Its parts belong to whoever opened them."""

    def __init__(
        self, settings: Settings, parts: CrawlParts, observers: Sequence[RoundObserver] = ()
    ) -> None:
        rounds = settings.rounds
        self.parts = parts
        self._settings = settings
        self._at_once = RoundTiming(0, rounds.deadline_seconds)
        self._spread = RoundTiming(rounds.spread_seconds, rounds.deadline_seconds)
        self._crawler = Crawler(parts, [RoundLogger(), *observers])
        self._schedule = Schedule(rounds.interval_seconds, self._crawl, self._crawler.last_round)

    async def run(self, stop: asyncio.Event) -> None:
        """Crawl rounds until `stop` is set; the round under way then is left to `shutdown`."""
        log.info(
            "crawling every %d s from vantage %r into %s, %d nodes at a time at most",
            self._settings.rounds.interval_seconds,
            self._settings.vantage,
            self._settings.data_dir,
            self.parts.gate.size,
        )
        await self._schedule.run(stop)

    async def shutdown(self) -> None:
        """End in order, within the time for it. The parts stay open."""
        limit_seconds = self._settings.rounds.shutdown_seconds
        latest = time.monotonic() + limit_seconds
        # 1. The round under way may finish; what is unfinished in time is recorded as such.
        self._crawler.stop_within(limit_seconds)
        await self._schedule.finish(limit_seconds + self._settings.probe.connect_timeout_seconds)
        # 2. What waits for delivery gets the time that is left.
        left_seconds = max(_LAST_DELIVERY_SECONDS, latest - time.monotonic())
        await _finish_sinks(self.parts.sinks, left_seconds)
        log.info("stopped")

    async def _crawl(self, due: ScheduledRound) -> bool:
        timing = self._at_once if due.first else self._spread
        try:
            await self._crawler.round(RoundRequest(due.time, timing, due.skipped, due.missed))
        except CollectorError as exc:
            log.error("round %d was not crawled: %s %s", due.time, exc, exc.advice)
        except Exception:
            log.exception("round %d broke off: a bug", due.time)
        else:
            _return_free_memory()
            return True
        return False


def _return_free_memory() -> None:
    """Give what a round no longer uses back to the system, where its allocator can."""
    if hasattr(psutil, "heap_trim"):
        psutil.heap_trim()


async def crawl_once(
    settings: Settings,
    dry_run: bool,
    observers: Sequence[RoundObserver],
    on_wait: Callable[[float], None],
) -> RoundResult | None:
    """Crawl one round at once, or, if its time is stored already, at the next multiple.

    `on_wait` is called with the seconds that this takes. A signal cuts the round short; returns
    None if it came before the round began.
    """
    limit_seconds = settings.rounds.shutdown_seconds
    async with stop_on_signals() as stop, open_parts(settings, dry_run) as parts:
        crawler = Crawler(parts, [RoundLogger(), *observers])
        at = round_time(time.time(), settings.rounds.interval_seconds)
        if at == crawler.last_round:
            at += settings.rounds.interval_seconds
            on_wait(at - time.time())
            if await _stopped_within(stop, at - time.time()):
                return None
        stopping = asyncio.create_task(_stop_when(stop, crawler, limit_seconds))
        try:
            timing = RoundTiming(0, settings.rounds.deadline_seconds)
            result = await crawler.round(RoundRequest(at, timing))
        finally:
            stopping.cancel()
        await _finish_sinks(parts.sinks, limit_seconds)
        return result


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()


async def _stop_when(stop: asyncio.Event, crawler: Crawler, limit_seconds: float) -> None:
    await stop.wait()
    crawler.stop_within(limit_seconds)


async def _finish_sinks(sinks: Sequence[Sink], within_seconds: float) -> None:
    """Give every sink a last chance. One that fails costs neither the round nor the others."""
    for sink in sinks:
        try:
            await sink.finish(within_seconds)
        except Exception:
            log.exception("%s failed to finish; what waits stays stored", type(sink).__name__)
