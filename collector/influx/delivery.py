"""Delivery: what the spool holds goes to a database, whatever the database does meanwhile.

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
from collector.influx.write_result import WriteResult
from collector.model.queue import Ack, Backlog, QueuedBatch
from collector.model.store_report import StoreReport

log = logging.getLogger(__name__)

NAME: Final = "influxdb"
"""How this store is called in points and messages."""


class Spool(Protocol):
    """What waits; `EmbeddedStore` is one."""

    async def grown(self) -> None:
        """Wait until there was a commit since this was last called."""

    async def take(self, newest: bool, without: Collection[int] = ()) -> QueuedBatch | None:
        """A piece of the newest round, or of the oldest; None if none waits."""

    async def settle(self, settlement: Ack) -> None:
        """Say what became of a piece."""

    async def backlog(self) -> Backlog:
        """What waits."""


class Database(Protocol):
    """Takes gzipped line protocol."""

    async def write(self, body: bytes) -> WriteResult:
        """Write; never raises for what the other side does."""


class Delivery:
    """Whoever starts it stops it. `finish` first, if what waits shall have a last chance."""

    def __init__(self, spool: Spool, database: Database, url: str, backoff: Backoff) -> None:
        self.standing = DatabaseStatus(url)
        self._spool = spool
        self._database = database
        self._backoff = backoff
        self._failures = 0
        self._newest = True
        self._ill: set[int] = set()
        """Pieces on which the database broke; others go first."""
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._counted = SendResult()
        self._write_seconds = 0.0

    def start(self) -> None:
        """Deliver from now on, until `stop`."""
        self._task = self._task or asyncio.create_task(self._run(), name="delivery")

    async def stop(self) -> None:
        """Leave off at once. What was under way is sent again by the next one, harmlessly."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def finish(self, within_seconds: float | None) -> Backlog:
        """Try to deliver what waits, within a time; what still waits then.

        The first failure ends it. Nothing is delivered afterwards.
        """
        self._hurry.set()
        self.start()
        if self._task:
            await asyncio.wait({self._task}, timeout=within_seconds)
        await self.stop()
        left = await self._spool.backlog()
        if left.batches:
            log.warning("%d points wait for InfluxDB until the next start", left.points)
        return left

    async def report(self, round_time: int, unsent: int) -> StoreReport:
        """What was done since this was last asked. `unsent` points were given up by the spool."""
        counted, self._counted = self._counted, SendResult()
        left = await self._spool.backlog()
        return StoreReport(
            store=NAME,
            connected=self.standing.ready,
            points_delivered=counted.accepted,
            points_rejected=len(counted.rejected),
            points_dropped=counted.dropped + unsent,
            backlog_bytes=left.bytes,
            backlog_points=left.points,
            backlog_seconds=max(0.0, round_time - left.oldest) if left.oldest is not None else 0.0,
            write_seconds=self._write_seconds,
        )

    async def _run(self) -> None:
        while True:
            try:
                if not await self._step():
                    return
            except Exception:
                log.exception("delivery broke off: a bug; what waits stays in the spool")
                self._failures += 1
                if not await self._rest(self._backoff.seconds(self._failures)):
                    return

    async def _step(self) -> bool:
        """Deliver one piece, or wait until there is one. False if it is time to stop."""
        taken = await self._spool.take(self._newest, self._ill)
        if taken is None and self._ill:
            self._ill.clear()
            return True
        if taken is None:
            return await self._idle()
        self._newest = not self._newest
        answer = await self._deliver(taken)
        if answer is None:
            return True
        self._failures += 1
        if answer.ill:
            self._ill.add(taken.id)
        wait = self._backoff.seconds(self._failures, answer.retry_after_seconds)
        return await self._rest(wait)

    async def _deliver(self, taken: QueuedBatch) -> WriteResult | None:
        """Write a piece and settle it; the answer that stopped it, or None."""
        started = perf_counter()
        parcel = BatchSender(taken.batch, self._database.write)
        stopped = await parcel.deliver()
        self._write_seconds = perf_counter() - started
        outcome = parcel.outcome
        if parcel.settled:
            remaining = await parcel.remaining()
            await self._spool.settle(Ack(taken.id, taken.batch.time, outcome.rejected, remaining))
            self._counted = self._counted.plus(outcome)
            self._ill.discard(taken.id)
        if stopped is None:
            self._failures = 0
            self.standing.good(outcome)
        else:
            self.standing.bad(stopped)
        return stopped

    async def _idle(self) -> bool:
        """Wait for a round, which then goes first. False if it is time to stop."""
        if self._hurry.is_set():
            return False
        self._newest = True
        waits = [asyncio.create_task(w) for w in (self._spool.grown(), self._hurry.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        return True

    async def _rest(self, seconds: float) -> bool:
        """Leave the database alone for a while. False if it is time to stop."""
        if self._hurry.is_set():
            return False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)
        return True
