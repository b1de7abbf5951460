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
from collector.store import commits
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

    `newest` is the time of the round committed last, which is always kept. Age is seen from the
    time that several rounds confirm, and only a few rounds are dropped for it each time.
    """
    confirmed = commits.confirmed_time(connection)
    aged = [] if confirmed is None else _aged(connection, confirmed - limits.days * DAY)
    dropped = sum(_drop(connection, time) for time in aged if time != newest)
    excess = backlog(connection).bytes - limits.bytes
    if excess <= 0:
        return dropped
    rounds = connection.execute(
        "SELECT time, sum(bytes) FROM spool WHERE time <> ? GROUP BY time ORDER BY time", (newest,)
    )
    for time, size in rounds.fetchall():
        if excess <= 0:
            break
        dropped += _drop(connection, time)
        excess -= size
    return dropped


def _aged(connection: sqlite3.Connection, cutoff: float) -> list[int]:
    """Return the times of the rounds that are dropped for their age, a few at most."""
    rows = connection.execute(
        "SELECT DISTINCT time FROM spool WHERE time < ? ORDER BY time LIMIT ?",
        (cutoff, _AGED_ROUNDS),
    )
    return [time for (time,) in rows.fetchall()]


def _drop(connection: sqlite3.Connection, time: int) -> int:
    """Drop a round; return how many points it had."""
    sql = "SELECT COALESCE(sum(points), 0) FROM spool WHERE time = ?"
    (points,) = connection.execute(sql, (time,)).fetchone()
    connection.execute("DELETE FROM spool WHERE time = ?", (time,))
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

    The newest is the round committed last, then what comes before it in time; a round that comes
    after it was made by a wrong clock and is last. Batches whose number is in `without` are passed
    over. Returns None if no other waits.
    """
    last = commits.last(connection) if newest else None
    order = "time DESC, id DESC" if newest else "time, id"
    spans = ("1 OR ?",) if last is None else ("time <= ?", "time > ?")
    for span in spans:
        sql = f"SELECT id FROM spool WHERE {span} ORDER BY {order}"
        for (number,) in connection.execute(sql, (last,)):
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
