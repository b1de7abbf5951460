"""The embedded store without its thread: decides what is written, and what happens when it is not.

It owns the connection and lends it, for one step at a time, to whoever knows the tables. A failing
disk is handled here and nowhere else. Everything here blocks and belongs to one thread.
"""

from __future__ import annotations

import gc
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from collector.errors import CollectorError
from collector.model.queue import Ack, Backlog, QueuedBatch
from collector.model.store_report import Receipt
from collector.schema.column import Point
from collector.schema.round_record import RoundRecord
from collector.store import commits, file, spool
from collector.store.connection import StoreConnection
from collector.store.disk_status import DiskStatus
from collector.store.lock import DirectoryLock
from collector.store.pending import PendingLimits, PendingRounds
from collector.store.retention import Retention
from collector.store.spool import SpoolLimits
from collector.store.spool_queue import SpoolQueue
from collector.store.table import Table
from collector.store.validation import RoundCounts, ValidatedRound, validate, validated_slices
from collector.store.writer import Writer, transaction

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """How much may wait, for the disk and for delivery."""

    pending: PendingLimits = field(default_factory=PendingLimits)
    spool: SpoolLimits | None = None
    """None if rounds are sent nowhere."""


class StoreEngine:
    """Holds the lock on the data directory and the connection from construction to `close`."""

    def __init__(
        self,
        directory: Path,
        measurements: Sequence[type[Point]],
        retention_days: float,
        limits: StoreLimits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tables = {m.MEASUREMENT: Table.of(m) for m in measurements}
        self._retention = Retention(self._tables.values(), retention_days)
        self._spool = SpoolQueue(limits.spool)
        self._pending = PendingRounds(limits.pending)
        self._disk = DiskStatus()
        self._clock = clock
        self.path = directory / file.FILE_NAME
        """The file."""
        self._lock = DirectoryLock(directory)
        self._lock.acquire()
        try:
            self._connection = StoreConnection(self.path, self._tables)
        except BaseException:
            self._lock.release()
            raise

    def commit(self, record: RoundRecord) -> Receipt:
        """Write the rounds that wait and then this one, each in a transaction of its own."""
        with _garbage_collection_paused():
            return self._commit(record)

    def take(self, newest: bool, without: Collection[int]) -> QueuedBatch | None:
        """Return a batch that waits for delivery; None if none does or the disk fails."""
        return self._attempt(lambda writer: self._spool.take(writer, newest, without), None)

    def acknowledge(self, ack: Ack) -> None:
        """Replace a batch by what is left of it; as soon as the disk takes that, if it fails."""
        self._spool.acknowledge(ack)
        self._write_acks()

    def backlog(self) -> Backlog:
        """Return how much waits for delivery; nothing if the disk fails."""
        return self._attempt(lambda writer: spool.backlog(writer.connection), Backlog())

    def save(self, name: str, body: bytes, at: float) -> None:
        """Keep a copy of a document; a failing disk is logged."""
        self._attempt(lambda writer: writer.save_copy(name, body, at), None)

    def change(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """Return what a step in a transaction of its own returns; raises DataDirectoryError."""

        def in_transaction(writer: Writer) -> T:
            with transaction(writer.connection):
                return step(writer.connection)

        return self._connection.run(in_transaction)

    def rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        """Return the rows of a query; raises DataDirectoryError."""
        return self._connection.run(
            lambda writer: writer.connection.execute(sql, parameters).fetchall()
        )

    def last_round(self) -> int | None:
        """Return the time of the round committed last; raises DataDirectoryError."""
        return self._connection.run(lambda writer: commits.last(writer.connection))

    def close(self) -> None:
        """Try once more to write what waits, close the file and release the directory."""
        try:
            self._write_pending()
            self._write_acks()
        finally:
            self._connection.close()
            self._lock.release()
        if self._pending:
            log.error(
                "%d rounds with %d points could not be stored and are lost",
                len(self._pending),
                self._pending.points,
            )

    def _commit(self, record: RoundRecord) -> Receipt:
        started = perf_counter()
        if self._pending:
            counts = self._hold(record)
            self._write_pending()
        else:
            counts = self._write_record(record) or self._hold(record)
        counts.warn(record.time)
        dropped = self._pending.trim()
        if dropped:
            log.warning("too many rounds wait for the disk: %d points dropped", dropped)
        unsent = 0 if self._pending else self._expire(record.time, counts.points)
        return Receipt(
            stored=not self._pending,
            points=counts.points,
            rejected=counts.rejected,
            dropped=dropped,
            waiting_rounds=len(self._pending),
            waiting_points=self._pending.points,
            waiting_bytes=self._pending.bytes,
            waiting_seconds=self._pending.age_seconds(record.time),
            seconds=perf_counter() - started,
            unsent=unsent,
        )

    def _hold(self, record: RoundRecord) -> RoundCounts:
        """Keep a round in memory, behind those that wait there for the disk."""
        validated = validate(record, self._tables, self._spool.batch_limits)
        self._pending.add(validated)
        return validated.counts

    def _write_record(self, record: RoundRecord) -> RoundCounts | None:
        """Write a round while its points are made; return None if the disk does not take it."""

        def step(writer: Writer) -> RoundCounts:
            slices = validated_slices(record, self._tables, self._spool.batch_limits)
            return writer.write(record.time, slices, record.state, self._clock())

        counts = self._attempt(step, None, rounds=1)
        if counts is not None:
            self._disk.write_succeeded(1)
        return counts

    def _write_pending(self) -> None:
        """Write the rounds that wait, oldest first, until the disk fails."""
        written = 0
        for pending in self._pending.drain():
            try:
                stored = self._write(pending)
            except BaseException:
                self._pending.discard_oldest()
                raise
            if not stored:
                return
            pending.release_rows()
            written += 1
        self._disk.write_succeeded(written)

    def _write(self, pending: ValidatedRound) -> bool:
        """Write a round that waits; return whether the disk took it."""

        def step(writer: Writer) -> bool:
            writer.write(pending.time, pending.slices, pending.state, self._clock())
            return True

        return self._attempt(step, False)

    def _expire(self, time: int, points: int) -> int:
        """Delete what is too old, from points and spool; return the points dropped unsent.

        `time` and `points` are those of the newest round.
        """

        def step(writer: Writer) -> None:
            if self._retention.expire(writer.connection, points):
                writer.forget_series()

        self._attempt(step, None)
        return self._attempt(lambda writer: self._spool.trim(writer, time), 0)

    def _write_acks(self) -> None:
        if self._spool.has_unwritten_acks:
            self._attempt(self._spool.write_acks, None)

    def _attempt(self, step: Callable[[Writer], T], otherwise: T, rounds: int = 0) -> T:
        """Return what a step returns, or `otherwise` if the disk fails, which is logged.

        So many rounds wait then besides those that do already.
        """
        try:
            return self._connection.run(step)
        except CollectorError as error:
            self._disk.write_failed(error, len(self._pending) + rounds)
            return otherwise


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector, which would stop every thread to walk a round that is
    kept in memory (80 ms for 60,000 points) and has no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
