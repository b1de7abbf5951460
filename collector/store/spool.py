"""The spool: rounds that wait for delivery, in the same file and transaction as everything else.

Functions on a connection; they belong to the store's thread. A piece leaves when its fate is
settled: accepted, or its refused lines kept apart in `rejected`.
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


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """How rounds are spooled."""

    cut: BatchLimits = field(default_factory=BatchLimits)
    bytes: int = 512 * 1024 * 1024
    """Most that waits, as stored; beyond it the oldest rounds make room."""
    days: float = 7
    """What is older than the newest round by more is given up."""


def add(connection: sqlite3.Connection, batches: Iterable[Batch]) -> None:
    """Let pieces wait, inside the caller's transaction."""
    rows = [(p.time, p.points, len(p.body), p.body) for p in batches]
    connection.executemany(_ADD, rows)


def trim(connection: sqlite3.Connection, newest: int, spool_limits: SpoolLimits) -> int:
    """Give up the oldest rounds beyond the limits; how many points that cost.

    The newest round is always kept. For their age only a few rounds go each time, so that a clock
    which jumps ahead for a moment does not cost all of them.
    """
    dropped = _give_up(connection, _aged(connection, newest - spool_limits.days * DAY))
    excess = backlog(connection).bytes - spool_limits.bytes
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
    return dropped + _give_up(connection, cutoff)


def _aged(connection: sqlite3.Connection, cutoff: float) -> int:
    """The time up to which rounds are too old, but for more than a few of them."""
    (last,) = connection.execute(
        "SELECT max(time) FROM (SELECT DISTINCT time FROM spool WHERE time < ? ORDER BY time"
        " LIMIT ?)",
        (cutoff, _AGED_ROUNDS),
    ).fetchone()
    return 0 if last is None else int(last) + 1


def _give_up(connection: sqlite3.Connection, before: int) -> int:
    """Drop every round older than this."""
    sql = "SELECT COALESCE(sum(points), 0) FROM spool WHERE time < ?"
    (points,) = connection.execute(sql, (before,)).fetchone()
    if points:
        connection.execute("DELETE FROM spool WHERE time < ?", (before,))
    return int(points)


def backlog(connection: sqlite3.Connection) -> Backlog:
    """What waits, by the index alone."""
    batches, points, size, oldest = connection.execute(
        "SELECT count(*), COALESCE(sum(points), 0), COALESCE(sum(bytes), 0), min(time) FROM spool"
    ).fetchone()
    return Backlog(batches, points, size, oldest)


def take(
    connection: sqlite3.Connection, newest: bool, without: Collection[int]
) -> QueuedBatch | None:
    """A piece of the newest round, or of the oldest one; it goes on waiting until settled."""
    order = "time DESC, id DESC" if newest else "time, id"
    for (number,) in connection.execute(f"SELECT id FROM spool ORDER BY {order}"):
        if number not in without:
            return _piece(connection, number)
    return None


def _piece(connection: sqlite3.Connection, number: int) -> QueuedBatch:
    time, points, body = connection.execute(
        "SELECT time, points, body FROM spool WHERE id = ?", (number,)
    ).fetchone()
    return QueuedBatch(number, Batch(time, points, body))


def settle(connection: sqlite3.Connection, settlement: Ack) -> None:
    """Take a piece out, inside the caller's transaction; one given up is not brought back."""
    batch = (settlement.id, settlement.time)  # numbers may begin again in a file that was mended
    gone = connection.execute("DELETE FROM spool WHERE id = ? AND time = ?", batch).rowcount
    if gone:
        add(connection, settlement.remaining)
