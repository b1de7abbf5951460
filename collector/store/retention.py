"""Deletes what is older than the retention, a bounded slice after each commit.

The key begins with the time, so what expires lies together at the start of each table and a slice
is a few pages. Freed pages are used again by the next rounds: the file stops growing once the
retention is reached, and never shrinks. VACUUM would rewrite the whole file, needs as much free
space again, and keeps every writer waiting for minutes; there is nothing to gain from it here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from collector.store import commits
from collector.store.table import Table, points_table, quoted, series_table
from collector.store.writer import transaction
from collector.times import DAY

SLICE_ROWS: Final = 2_000
"""Rows that are deleted from a table per commit, besides twice as many as the commit stored."""


class Retention:
    """Deletes old rounds. Only measurements that this version knows are touched."""

    def __init__(self, tables: Iterable[Table], days: float) -> None:
        self._tables = tuple(tables)
        self._seconds = days * DAY
        self._series_expired_on = 0
        """Day, counted from 1970, on which series were deleted last."""

    def expire(self, connection: sqlite3.Connection, stored: int) -> bool:
        """Delete one slice of what is too old, seen from the time that several rounds confirm.

        `stored` is how many points the last commit stored: twice as many are deleted besides, so
        that any backlog of old points shrinks. Returns whether series were deleted, whose numbers
        must not be used again.
        """
        confirmed = commits.confirmed_time(connection)
        if confirmed is None:
            return False
        cutoff = int(confirmed - self._seconds)
        limit = SLICE_ROWS + 2 * stored
        with transaction(connection):
            done = [_expire_points(connection, table, cutoff, limit) for table in self._tables]
            for table, column in (("rounds", "time"), ("rejected", "id")):
                connection.execute(
                    f"DELETE FROM {table} WHERE {column} IN "
                    f"(SELECT {column} FROM {table} WHERE time < ? ORDER BY {column} LIMIT ?)",
                    (cutoff, SLICE_ROWS),
                )
            day = cutoff // DAY
            if day == self._series_expired_on or not all(done):
                return False
            deleted = sum(_expire_series(connection, table, cutoff) for table in self._tables)
        self._series_expired_on = day
        return deleted > 0


def _expire_points(connection: sqlite3.Connection, table: Table, cutoff: int, limit: int) -> bool:
    """Delete up to `limit` of the oldest rows; return whether none that is too old is left."""
    points = quoted(points_table(table.measurement))
    beyond = connection.execute(
        f"SELECT time, series FROM {points} WHERE time < ? ORDER BY time, series LIMIT 1 OFFSET ?",
        (cutoff, limit),
    ).fetchone()
    if beyond is None:
        connection.execute(f"DELETE FROM {points} WHERE time < ?", (cutoff,))
        return True
    connection.execute(f"DELETE FROM {points} WHERE (time, series) < (?, ?)", beyond)
    return False


def _expire_series(connection: sqlite3.Connection, table: Table, cutoff: int) -> int:
    """Delete the series that no point can have any more; return how many they were."""
    series = quoted(series_table(table.measurement))
    return connection.execute(f"DELETE FROM {series} WHERE used_until <= ?", (cutoff,)).rowcount
