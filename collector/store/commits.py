"""The order in which rounds were committed, which their times need not follow: clocks are set.

The newest round is the one committed last. What is too old is judged by the earliest of the last
few, so that a clock which is wrong for a moment deletes nothing. Functions on a connection.
"""

from __future__ import annotations

import math
import sqlite3
from typing import Final

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS commits"
    " (number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL)"
)
CONFIRMING_ROUNDS: Final = 10
"""Rounds in a row after which a clock that leapt forward is believed."""

_KEPT: Final = 1_000
"""Commits that are remembered; of earlier ones only the times of their rounds are known."""
_LAST: Final = (
    "SELECT COALESCE((SELECT time FROM commits WHERE time <= :latest ORDER BY number DESC LIMIT 1),"
    " (SELECT max(time) FROM rounds WHERE time <= :latest))"
)
_LAST_BY_TIME: Final = "SELECT max(time) FROM rounds WHERE time <= :latest"
_END_OF_TIME: Final = 2**63 - 1


def add(connection: sqlite3.Connection, time: int) -> None:
    """Note that a round was committed, inside the caller's transaction."""
    number = connection.execute("INSERT INTO commits (time) VALUES (?)", (time,)).lastrowid or 0
    connection.execute("DELETE FROM commits WHERE number <= ?", (number - _KEPT,))


def last(connection: sqlite3.Connection, latest: float = math.inf) -> int | None:
    """Return the time of the round committed last that is not after `latest`; None without one.

    In a file of a version that did not note the order it is the round of the greatest time.
    """
    sql = _LAST if _is_noted(connection) else _LAST_BY_TIME
    limit = int(min(_END_OF_TIME, latest))
    time: int | None = connection.execute(sql, {"latest": limit}).fetchone()[0]
    return time


def since(connection: sqlite3.Connection, number: int) -> list[tuple[int, int]]:
    """Return number and time of the commits after one, oldest first; none where not noted."""
    if not _is_noted(connection):
        return []
    sql = "SELECT number, time FROM commits WHERE number > ? ORDER BY number"
    return connection.execute(sql, (number,)).fetchall()


def confirmed_time(connection: sqlite3.Connection) -> int | None:
    """Return the time up to which the clock is believed: the earliest of the last few rounds.

    None before there were so many.
    """
    count, time = connection.execute(
        "SELECT count(*), min(time) FROM (SELECT time FROM commits ORDER BY number DESC LIMIT ?)",
        (CONFIRMING_ROUNDS,),
    ).fetchone()
    return int(time) if count == CONFIRMING_ROUNDS else None


def _is_noted(connection: sqlite3.Connection) -> bool:
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'commits'"
    return connection.execute(sql).fetchone() is not None
