"""Delivers the batches of the spool to a database, whatever the database does meanwhile.

A task of its own beside the rounds, which never wait for it. At least once is exactly once, since
points carry the time of their round and fixed tags. Newest and oldest round take turns: dashboards
are live at once after an outage, and the backlog behind does not starve.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection
from time import perf_counter
from typing import Final, Protocol

from collector.influx.backoff import Backoff
from collector.influx.batch_sender import BatchSender, SendResult
from collector.influx.database_status import DatabaseStatus
from collector.influx.other_collector import OtherCollector
from collector.influx.write_result import WriteResult
from collector.model.queue import Ack, Backlog, QueuedBatch
from collector.model.store_report import StoreReport

log = logging.getLogger(__name__)

_NAME: Final = "influxdb"
"""Value of the tag `store` in this store's points."""


class Spool(Protocol):
    """What waits for delivery; `EmbeddedStore` is one."""

    async def wait_for_commit(self) -> None:
        """Return when there was a commit since this last returned."""

    async def take(self, newest: bool, without: Collection[int] = ()) -> QueuedBatch | None:
        """Return a batch of the newest round, or of the oldest; None if none waits."""

    async def acknowledge(self, ack: Ack) -> None:
        """Record what became of a batch."""

    async def backlog(self) -> Backlog:
        """Return how much waits."""


class Database(Protocol):
    """Takes gzipped line protocol."""

    async def write(self, body: bytes) -> WriteResult:
        """Write; never raises for what the other side does."""


class Delivery:
    """Whoever starts it stops it; `finish` first, to send what waits."""

    def __init__(self, spool: Spool, database: Database, url: str, backoff: Backoff) -> None:
        self.status = DatabaseStatus(url)
        self._spool = spool
        self._database = database
        self._backoff = backoff
        self._failures = 0
        """In a row."""
        self._newest = True
        """Whether a batch of the newest round is next, or one of the oldest."""
        self._suspects: set[int] = set()
        """Batches that may have broken the database; others go first."""
        self._finishing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unreported = SendResult()
        self._write_seconds = 0.0
        self.other: OtherCollector | None = None
        """Watches for another collector, if anybody does."""

    def start(self) -> None:
        """Deliver from now on, until `stop`."""
        self._task = self._task or asyncio.create_task(self._run(), name="delivery")

    async def stop(self) -> None:
        """Stop at once. A write under way is sent again by the next start, which is harmless."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def finish(self, within_seconds: float | None) -> Backlog:
        """Deliver what waits, within a time, then stop; return what still waits.

        The first failure ends it. Nothing is delivered afterwards.
        """
        self._finishing.set()
        self.start()
        if self._task:
            await asyncio.wait({self._task}, timeout=within_seconds)
        await self.stop()
        left = await self._spool.backlog()
        if left.batches:
            log.warning("%d points wait for InfluxDB until the next start", left.points)
        return left

    async def report(self, round_time: int, unsent: int) -> StoreReport:
        """Return what was done since the previous report.

        `round_time` is that of the round that reports, in seconds since 1970. `unsent` points were
        dropped from the spool meanwhile.
        """
        result, self._unreported = self._unreported, SendResult()
        left = await self._spool.backlog()
        return StoreReport(
            store=_NAME,
            connected=self.status.ready,
            points_delivered=result.accepted,
            points_rejected=len(result.rejected),
            points_dropped=result.dropped + unsent,
            backlog_bytes=left.bytes,
            backlog_points=left.points,
            backlog_seconds=max(0.0, round_time - left.oldest) if left.oldest is not None else 0.0,
            write_seconds=self._write_seconds,
            conflict=self.other.present if self.other else None,
        )

    async def _run(self) -> None:
        while True:
            try:
                if not await self._deliver_next():
                    return
            except Exception:
                log.exception("delivery failed: a bug; what waits stays in the spool")
                self._failures += 1
                if not await self._pause(self._backoff.seconds(self._failures)):
                    return

    async def _deliver_next(self) -> bool:
        """Deliver one batch, or wait until there is one; return False if it is time to stop."""
        queued = await self._spool.take(self._newest, self._suspects)
        if queued is None and self._suspects:
            self._suspects.clear()
            return True
        if queued is None:
            return await self._wait_for_commit()
        self._newest = not self._newest
        failure = await self._deliver(queued)
        if failure is None:
            return True
        self._failures += 1
        if failure.is_suspect:
            self._suspects.add(queued.id)
        wait = self._backoff.seconds(self._failures, failure.retry_after_seconds)
        return await self._pause(wait)

    async def _deliver(self, queued: QueuedBatch) -> WriteResult | None:
        """Send a batch and acknowledge it; return the failure that stopped it, or None."""
        started = perf_counter()
        sender = BatchSender(queued.batch, self._database.write)
        failure = await sender.send()
        self._write_seconds = perf_counter() - started
        if sender.has_result:
            remaining = await sender.remaining()
            await self._spool.acknowledge(
                Ack(queued.id, queued.batch.time, sender.result.rejected, remaining)
            )
            self._unreported = self._unreported.plus(sender.result)
            self._suspects.discard(queued.id)
        if failure is None:
            self._failures = 0
            self.status.write_succeeded(sender.result)
        else:
            self.status.write_failed(failure)
        return failure

    async def _wait_for_commit(self) -> bool:
        """Wait for a round, which is then sent first; return False if it is time to stop."""
        if self._finishing.is_set():
            return False
        self._newest = True
        waits = [
            asyncio.create_task(wait)
            for wait in (self._spool.wait_for_commit(), self._finishing.wait())
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return True

    async def _pause(self, seconds: float) -> bool:
        """Send nothing for a while; return False if it is time to stop."""
        if self._finishing.is_set():
            return False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._finishing.wait(), seconds)
        return True
