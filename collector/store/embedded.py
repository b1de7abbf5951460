"""The embedded store: always there, needs nothing installed, never holds up the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, cast

from collector.model.queue import Ack, Backlog, QueuedBatch
from collector.model.store_report import Receipt
from collector.schema.column import Point
from collector.schema.round_record import RoundRecord
from collector.store.engine import StoreEngine
from collector.store.pending import PendingLimits
from collector.store.spool import SpoolLimits

T = TypeVar("T")

_NO_LIMITS = PendingLimits()


class EmbeddedStore:
    """One SQLite file in the data directory, owned by one thread. Opened by `open` only.

    Calls are done in the order in which they are made, and one that was made is done, even if
    the task that waits for it is cancelled.
    """

    def __init__(self, ledger: StoreEngine, thread: ThreadPoolExecutor) -> None:
        self._ledger = ledger
        self._thread = thread
        self._closed = False
        self._grown = asyncio.Event()

    @classmethod
    async def open(
        cls,
        directory: Path,
        measurements: Sequence[type[Point]],
        retention_days: float,
        *,
        limits: PendingLimits = _NO_LIMITS,
        clock: Callable[[], float] = time.time,
        spool_limits: SpoolLimits | None = None,
    ) -> Self:
        """Make or open `collector.db` in the data directory, and lock the directory.

        `clock` gives seconds since 1970 and is only used for `rounds.committed_at`. With
        `spooling`, every round waits for delivery as well, until it is settled. Raises
        LockedError if another collector uses the directory, TooNewError if a newer version wrote
        the file, and DataDirectoryError if either cannot be used.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        opening = thread.submit(
            StoreEngine, directory, measurements, retention_days, limits, clock, spool_limits
        )
        try:
            ledger = await asyncio.shield(asyncio.wrap_future(opening))
        except asyncio.CancelledError:
            thread.submit(_abandon, opening)
            thread.shutdown(wait=False)
            raise
        except BaseException:
            thread.shutdown()
            raise
        return cls(ledger, thread)

    async def close(self) -> None:
        """Write what still waits, if the disk takes it now, and release the directory."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._do(self._ledger.close)
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

        A disk that takes nothing is no error: the batch waits in memory (see `Receipt`), loudly,
        and the next commit or `close` writes all that wait, oldest first, each in a transaction
        of its own. A bug is raised; the batch that provoked it is given up.
        """
        receipt = await self._do(lambda: self._ledger.commit(record))
        self._grown.set()
        return receipt

    async def grown(self) -> None:
        """Wait until there was a commit since this was last called."""
        await self._grown.wait()
        self._grown.clear()

    async def take(self, newest: bool, without: Collection[int] = ()) -> QueuedBatch | None:
        """A piece of the newest round that waits for delivery, or of the oldest; None if none does.

        It goes on waiting until it is settled; numbers in `without` are passed over.
        """
        return await self._do(lambda: self._ledger.outgoing.take(newest, frozenset(without)))

    async def settle(self, settlement: Ack) -> None:
        """Say what became of a piece. A disk that takes nothing is told later."""
        await self._do(lambda: self._ledger.outgoing.settle(settlement))

    async def backlog(self) -> Backlog:
        """What waits for delivery."""
        return await self._do(self._ledger.outgoing.backlog)

    async def change(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """Do something to the file in one transaction, all or nothing (see `upkeep`).

        Raises DataDirectoryError.
        """
        return await self._do(lambda: self._ledger.change(step))

    async def load_state(self) -> dict[str, bytes]:
        """The whole state as the file has it; DataDirectoryError if it cannot be read."""
        rows = await self._do(lambda: self._ledger.rows("SELECT key, value FROM state"))
        return dict(cast("list[tuple[str, bytes]]", rows))

    async def last_round(self) -> int | None:
        """Time of the newest round in the file; None if there is none."""
        rows = await self._do(lambda: self._ledger.rows("SELECT max(time) FROM rounds"))
        return cast("int | None", rows[0][0])

    async def load(self, name: str) -> tuple[bytes, float] | None:
        """The copy kept under a name and when it was fetched (seconds since 1970), or None."""
        sql = "SELECT body, fetched_at FROM copies WHERE name = ?"
        rows = await self._do(lambda: self._ledger.rows(sql, name))
        return cast("tuple[bytes, float]", rows[0]) if rows else None

    async def save(self, name: str, body: bytes, at: float) -> None:
        """Keep a copy under a name, in place of the one before.

        A copy is a convenience: a disk that takes nothing is logged as for `commit`, not raised.
        """
        await self._do(lambda: self._ledger.save(name, body, at))

    async def _do(self, step: Callable[[], T]) -> T:
        """Run on the store's thread. Shielded, so that no cancelled task takes a round with it."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, step))


def _abandon(opening: Future[StoreEngine]) -> None:
    """Close what was opened for a task that no longer waits for it."""
    if opening.exception() is None:
        opening.result().close()
