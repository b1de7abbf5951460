"""The embedded store without its thread: one file, what waits for it, and what expires from it.

Everything here blocks and belongs to one thread.
"""

from __future__ import annotations

import gc
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Final, TypeVar

from collector.errors import CollectorError
from collector.model.store_report import Receipt
from collector.schema.column import Point
from collector.schema.round_record import RoundRecord
from collector.store import file
from collector.store.disk_status import DiskStatus, to_collector_error
from collector.store.lock import DirectoryLock
from collector.store.pending import PendingLimits, PendingRounds
from collector.store.retention import Retention
from collector.store.salvage import is_damage, salvage
from collector.store.spool import SpoolLimits
from collector.store.spool_queue import SpoolQueue
from collector.store.table import Table
from collector.store.validation import ValidatedRound, validate
from collector.store.writer import Writer, transaction

log = logging.getLogger(__name__)
T = TypeVar("T")

_MENDS: Final = 3
"""Damaged files that one process sets aside; a disk that breaks more needs a person."""


class StoreEngine:
    """Holds the lock and the writing connection from construction to `close`."""

    def __init__(
        self,
        directory: Path,
        measurements: Sequence[type[Point]],
        retention_days: float,
        limits: PendingLimits,
        clock: Callable[[], float],
        spool_limits: SpoolLimits | None = None,
    ) -> None:
        self._path = directory / file.FILE_NAME
        self._tables = {m.MEASUREMENT: Table.of(m) for m in measurements}
        self._retention = Retention(self._tables.values(), retention_days)
        self._writer: Writer | None = None
        self._mended = 0
        self.outgoing = SpoolQueue(spool_limits, self._try)
        self._waiting = PendingRounds(limits)
        self._condition = DiskStatus()
        self._clock = clock
        self._lock = DirectoryLock(directory)
        self._lock.acquire()
        try:
            connection = self._create()
        except BaseException:
            self._lock.release()
            raise
        self._writer = Writer(connection, self._tables)
        self._identity = _identity(self._path)

    def _create(self) -> sqlite3.Connection:
        """The file, made or opened; a fresh one with what can be saved, if it is damaged."""
        tables = tuple(self._tables.values())
        try:
            return file.create(self._path, tables)
        except CollectorError as error:
            if not self._mend(error):
                raise
        return file.create(self._path, tables)

    def _mend(self, error: BaseException) -> bool:
        """After damage, go on with a fresh file. False if it is no damage, or cannot be done."""
        if not is_damage(error) or self._mended >= _MENDS:
            return False
        self._mended += 1
        self._drop_connection()
        try:
            salvage(self._path, tuple(self._tables.values()), error)
        except (sqlite3.Error, OSError, CollectorError):
            log.exception("%s is damaged, and nothing could be saved of it", self._path)
            return False
        return True

    def commit(self, record: RoundRecord) -> Receipt:
        """Write all that waits and then this batch, each in a transaction of its own."""
        with _undisturbed():
            return self._commit(record)

    def _commit(self, record: RoundRecord) -> Receipt:
        started = perf_counter()
        arrived = validate(record, self._tables, self.outgoing.cut)
        self._waiting.add(arrived)
        self._flush()
        dropped = self._waiting.trim()
        if dropped:
            log.warning("Too much waits for the disk: %d points were given up", dropped)
        unsent = 0
        if not self._waiting:
            self._expire(arrived)
            unsent = self.outgoing.trim(arrived.time)
        return Receipt(
            stored=not self._waiting,
            points=arrived.points,
            rejected=len(arrived.rejected),
            dropped=dropped,
            waiting_batches=len(self._waiting),
            waiting_points=self._waiting.points,
            waiting_bytes=self._waiting.bytes,
            waiting_seconds=self._waiting.seconds(arrived.time),
            seconds=perf_counter() - started,
            unsent=unsent,
        )

    def change(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """Do something to the file in one transaction; raises DataDirectoryError."""
        try:
            connection = self._open().connection
            with transaction(connection):
                return step(connection)
        except (sqlite3.Error, OSError) as error:
            if self._mend(error):
                return self.change(step)
            raise to_collector_error(error, self._path) or error from error

    def save(self, name: str, body: bytes, at: float) -> bool:
        """Keep a copy; False if the disk takes nothing."""
        return self._try(lambda writer: writer.save_copy(name, body, at))

    def rows(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        """Read through the writing connection; trouble with the disk is a DataDirectoryError."""
        try:
            return self._open().connection.execute(sql, parameters).fetchall()
        except (sqlite3.Error, OSError) as error:
            if self._mend(error):
                return self.rows(sql, *parameters)
            raise to_collector_error(error, self._path) or error from error

    def close(self) -> None:
        """Try once more to write what waits, and let go of the file."""
        try:
            self._flush()
            self.outgoing.catch_up()
        finally:
            self._drop_connection()
            self._lock.release()
        if self._waiting:
            log.error(
                "%d rounds with %d points could not be stored and are lost",
                len(self._waiting),
                self._waiting.points,
            )

    def _flush(self) -> None:
        """Write what waits, oldest first, until the disk refuses."""
        written = 0
        for record in self._waiting.drain():
            try:
                stored = self._try(lambda writer, b=record: writer.write(b, self._clock()))  # type: ignore[misc]
            except BaseException:
                self._waiting.discard()
                raise
            if not stored:
                return
            record.forget()
            written += 1
        self._condition.good(written)

    def _expire(self, record: ValidatedRound) -> None:
        def step(writer: Writer) -> None:
            if self._retention.expire(writer.connection, record.time, record.points):
                writer.forget_series()

        self._try(step)

    def _try(self, step: Callable[[Writer], None]) -> bool:
        """Do one thing with the file. Trouble with the disk gives False; a bug is raised."""
        try:
            self._step(step)
        except Exception as error:
            if self._mend(error):
                return self._try(step)
            found = to_collector_error(error, self._path)
            if found is None:
                raise
            self._condition.bad(found, len(self._waiting))
            self._drop_connection()
            return False
        return True

    def _step(self, step: Callable[[Writer], None]) -> None:
        writer = self._open()
        self._check_identity()
        step(writer)

    def _open(self) -> Writer:
        """The writer; after trouble on a connection of its own, since the old one may be stale."""
        if self._writer is None:
            connection = file.reopen(self._path, tuple(self._tables.values()))
            self._writer = Writer(connection, self._tables)
            self._identity = _identity(self._path)
        return self._writer

    def _check_identity(self) -> None:
        """Writing into a file that was moved away would work, and be lost."""
        if _identity(self._path) != self._identity:
            raise file.gone(self._path)

    def _drop_connection(self) -> None:
        if self._writer is not None:
            self._writer.connection.close()
            self._writer = None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without the cyclic garbage collector, which stops every thread to look at a whole round
    (80 ms for 60,000 points) though all of it is let go at the end."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells this file from another one under the same name; None if there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
