"""The spool: batches that wait for delivery, in the same file and transactions as all else.

Functions on a connection; they belong to the store's thread. A batch leaves the spool when it is
acknowledged: accepted, or its rejected lines kept in `rejected`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from collector.model.batch import Batch, BatchLimits
from collector.model.queue import Ack, Backlog, QueuedBatch
from collector.times import DAY

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS spool (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " time INTEGER NOT NULL, points INTEGER NOT NULL, bytes INTEGER NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS spool_by_time ON spool (time, id, points, bytes)",
)

_ADD: Final = "INSERT INTO spool (time, points, bytes, body) VALUES (?, ?, ?, ?)"
_AGED_ROUNDS: Final = 4
"""Rounds that may be dropped for their age at once."""


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """How large a batch may be, and how much may wait."""

    batch: BatchLimits = field(default_factory=BatchLimits)
    bytes: int = 512 * 1024 * 1024
    """Most that waits, as stored; beyond it the oldest rounds are dropped."""
    days: float = 7
    """Rounds older than the newest by more than this are dropped."""


def add(connection: sqlite3.Connection, batches: Iterable[Batch]) -> None:
    """Add batches, inside the caller's transaction."""
    rows = [(batch.time, batch.points, len(batch.body), batch.body) for batch in batches]
    connection.executemany(_ADD, rows)


def trim(connection: sqlite3.Connection, newest: int, limits: SpoolLimits) -> int:
    """Drop the oldest rounds beyond the limits; return how many points were dropped.

    The newest round is always kept. Only a few rounds are dropped for their age each time, so that
    a clock which jumps ahead for a moment does not cost all of them.
    """
    dropped = _drop_before(connection, _aged(connection, newest - limits.days * DAY))
    excess = backlog(connection).bytes - limits.bytes
    if excess <= 0:
        return dropped
    cutoff = newest
    for time, size in connection.execute(
        "SELECT time, sum(bytes) FROM spool GROUP BY time ORDER BY time"
    ):
        if excess <= 0:
            cutoff = min(time, newest)
            break
        excess -= size
    return dropped + _drop_before(connection, cutoff)


def _aged(connection: sqlite3.Connection, cutoff: float) -> int:
    """Return the time before which rounds are dropped for their age, a few at most."""
    (last,) = connection.execute(
        "SELECT max(time) FROM (SELECT DISTINCT time FROM spool WHERE time < ? ORDER BY time"
        " LIMIT ?)",
        (cutoff, _AGED_ROUNDS),
    ).fetchone()
    return 0 if last is None else int(last) + 1


def _drop_before(connection: sqlite3.Connection, time: int) -> int:
    """Drop every round before a time; return how many points they had."""
    sql = "SELECT COALESCE(sum(points), 0) FROM spool WHERE time < ?"
    (points,) = connection.execute(sql, (time,)).fetchone()
    if points:
        connection.execute("DELETE FROM spool WHERE time < ?", (time,))
    return int(points)


def backlog(connection: sqlite3.Connection) -> Backlog:
    """Return how much waits; reads the index alone."""
    batches, points, size, oldest = connection.execute(
        "SELECT count(*), COALESCE(sum(points), 0), COALESCE(sum(bytes), 0), min(time) FROM spool"
    ).fetchone()
    return Backlog(batches, points, size, oldest)


def take(
    connection: sqlite3.Connection, newest: bool, without: Collection[int]
) -> QueuedBatch | None:
    """Return a batch of the newest round, or of the oldest; it waits until it is acknowledged.

    Batches whose number is in `without` are passed over. Returns None if no other waits.
    """
    order = "time DESC, id DESC" if newest else "time, id"
    for (number,) in connection.execute(f"SELECT id FROM spool ORDER BY {order}"):
        if number not in without:
            return _queued(connection, number)
    return None


def _queued(connection: sqlite3.Connection, number: int) -> QueuedBatch:
    time, points, body = connection.execute(
        "SELECT time, points, body FROM spool WHERE id = ?", (number,)
    ).fetchone()
    return QueuedBatch(number, Batch(time, points, body))


def remove(connection: sqlite3.Connection, ack: Ack) -> None:
    """Replace a batch by what is left of it, inside the caller's transaction.

    Nothing is added for a batch that was dropped meanwhile.
    """
    key = (ack.id, ack.time)  # a file that was salvaged may give the same numbers again
    removed = connection.execute("DELETE FROM spool WHERE id = ? AND time = ?", key).rowcount
    if removed:
        add(connection, ack.remaining)
