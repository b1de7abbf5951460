"""The embedded store: always there, needs nothing installed, never holds up the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, cast

from collector.model.batch import BatchLimits
from collector.model.queue import Ack, Backlog, QueuedBatch
from collector.model.store_report import Receipt
from collector.schema.column import Point
from collector.schema.round_record import RoundRecord
from collector.store import maintenance, state_table
from collector.store.engine import StoreEngine, StoreLimits

T = TypeVar("T")

_NO_DELIVERY = StoreLimits()


class EmbeddedStore:
    """One SQLite file in the data directory, owned by one thread. Opened by `open` only.

    Calls are executed in the order in which they are made, and one that was made is executed, even
    if the task that waits for it is cancelled.
    """

    def __init__(self, engine: StoreEngine, thread: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._thread = thread
        self._closed = False
        self._committed = asyncio.Event()

    @classmethod
    async def open(
        cls,
        directory: Path,
        measurements: Sequence[type[Point]],
        retention_days: float,
        limits: StoreLimits = _NO_DELIVERY,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Create or open `collector.db` in the data directory, and lock the directory.

        With `limits.spool`, every round waits for delivery too, until it is acknowledged. `clock`
        gives seconds since 1970, for `rounds.committed_at` alone.

        Raises LockedError if another collector uses the directory, TooNewError if a newer version
        wrote the file, and DataDirectoryError if either cannot be used.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        opening = thread.submit(StoreEngine, directory, measurements, retention_days, limits, clock)
        try:
            engine = await asyncio.shield(asyncio.wrap_future(opening))
        except asyncio.CancelledError:
            thread.submit(_close_opened, opening)
            thread.shutdown(wait=False)
            raise
        except BaseException:
            thread.shutdown()
            raise
        return cls(engine, thread)

    async def close(self) -> None:
        """Write what still waits, if the disk takes it now, and release the directory."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._run(self._engine.close)
        finally:
            self._thread.shutdown()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def commit(self, record: RoundRecord) -> Receipt:
        """Store a round: its points, its state and the fact that it was, all or nothing.

        A failing disk is no error: the round waits in memory (see `Receipt`), which is logged, and
        the next commit or `close` writes all that wait, oldest first, each in a transaction of its
        own. A bug is raised; the round that provoked it is discarded.
        """
        receipt = await self._run(lambda: self._engine.commit(record))
        self._committed.set()
        return receipt

    async def wait_for_commit(self) -> None:
        """Return when there was a commit since this last returned."""
        await self._committed.wait()
        self._committed.clear()

    async def take(self, newest: bool, without: Collection[int] = ()) -> QueuedBatch | None:
        """Return a batch of the newest round that waits for delivery, or of the oldest.

        It waits until it is acknowledged. Batches whose number is in `without` are passed over.
        Returns None if no other waits.
        """
        return await self._run(lambda: self._engine.take(newest, frozenset(without)))

    async def acknowledge(self, ack: Ack) -> None:
        """Record what became of a batch. If the disk fails, that is written when it works again."""
        await self._run(lambda: self._engine.acknowledge(ack))

    async def backlog(self) -> Backlog:
        """Return how much waits for delivery."""
        return await self._run(self._engine.backlog)

    async def purge_spool(self, before: int | None) -> int:
        """Delete what waits for delivery, of rounds before a time (seconds since 1970) or all.

        Returns how many points that were; raises DataDirectoryError.
        """
        return await self._run(
            lambda: self._engine.change(lambda file: maintenance.purge_spool(file, before))
        )

    async def purge_rejected(self) -> int:
        """Delete all rejected lines; return how many. Raises DataDirectoryError."""
        return await self._run(lambda: self._engine.change(maintenance.purge_rejected))

    async def retry_rejected(self, limits: BatchLimits) -> int:
        """Let the lines that InfluxDB rejected wait for delivery again; return how many.

        Raises DataDirectoryError.
        """
        return await self._run(
            lambda: self._engine.change(lambda file: maintenance.retry_rejected(file, limits))
        )

    async def load_state(self) -> dict[str, bytes]:
        """Return the whole state in the file, without damaged rows; raises DataDirectoryError."""
        return await self._run(lambda: state_table.load_state(self._engine))

    async def last_round(self) -> int | None:
        """Return the time of the round committed last; None before the first."""
        return await self._run(self._engine.last_round)

    async def load(self, name: str) -> tuple[bytes, float] | None:
        """Return the copy kept under a name and when it was fetched (seconds since 1970)."""
        sql = "SELECT body, fetched_at FROM copies WHERE name = ?"
        rows = await self._run(lambda: self._engine.rows(sql, name))
        return cast("tuple[bytes, float]", rows[0]) if rows else None

    async def save(self, name: str, body: bytes, at: float) -> None:
        """Keep a copy under a name, in place of the one before.

        A copy is a convenience: a failing disk is logged as for `commit`, not raised.
        """
        await self._run(lambda: self._engine.save(name, body, at))

    async def _run(self, call: Callable[[], T]) -> T:
        """Run on the store's thread. Shielded, so that no cancelled task takes a round with it."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, call))


def _close_opened(opening: Future[StoreEngine]) -> None:
    """Close an engine whose opener was cancelled, on its own thread."""
    if opening.exception() is None:
        opening.result().close()
