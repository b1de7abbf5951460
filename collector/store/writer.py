"""One batch, one transaction: points, state, refused lines and the round itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Final

from collector.model.queue import Ack
from collector.schema.column import Value
from collector.store import spool
from collector.store.table import Table
from collector.store.validation import Row, ValidatedRound
from collector.times import DAY

_SLICE_ROWS: Final = 2_000
REASON_LIMIT: Final = 4_096
"""Characters of a database's words that are kept."""
REJECTED_ROWS: Final = 10_000
"""Refused lines that are kept; the oldest make room."""

_REJECT: Final = (
    "INSERT INTO rejected (time, measurement, line, reason, store) VALUES (?, ?, ?, ?, ?)"
)
_FORGET_REJECTED: Final = "DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ?"
_SET_STATE: Final = (
    "INSERT INTO state (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_SET_ROUND: Final = (
    "INSERT INTO rounds (time, committed_at, points, rejected) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (time) DO UPDATE SET committed_at = excluded.committed_at,"
    " points = excluded.points, rejected = excluded.rejected"
)
_SET_COPY: Final = (
    "INSERT INTO copies (name, body, fetched_at) VALUES (?, ?, ?)"
    " ON CONFLICT (name) DO UPDATE SET body = excluded.body, fetched_at = excluded.fetched_at"
)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. Whatever is raised inside leaves the file as it was."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back by itself
            connection.execute("ROLLBACK")
        raise


class Writer:
    """Writes batches through one connection. Not for two threads at once."""

    def __init__(self, connection: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
        self.connection = connection
        self._tables = tables
        self._series: dict[str, dict[tuple[str, ...], tuple[int, int]]] = {}
        self.forget_series()

    def forget_series(self) -> None:
        """Look every series up again, since their numbers may have changed."""
        self._series = {name: {} for name in self._tables}

    def write(self, record: ValidatedRound, now: float) -> None:
        """Write a whole batch; raises sqlite3.Error, and then nothing of it is in the file."""
        try:
            with transaction(self.connection):
                for name, rows in record.rows.items():
                    self._write_points(self._tables[name], rows)
                self._write_rejected(record)
                self._write_state(record.state)
                spool.add(self.connection, record.batches)
                self.connection.execute(
                    _SET_ROUND, (record.time, now, record.points, len(record.rejected))
                )
        except BaseException:
            self.forget_series()
            raise

    def save_copy(self, name: str, body: bytes, at: float) -> None:
        """Keep one named document, in place of the one before."""
        with transaction(self.connection):
            self.connection.execute(_SET_COPY, (name, body, at))

    def settle(self, settlements: Sequence[Ack]) -> None:
        """Take delivered pieces out; what the database refused of them is kept apart."""
        with transaction(self.connection):
            for settled in settlements:
                spool.settle(self.connection, settled)
                if settled.rejected:
                    self._reject([_rejected(settled.time, *r) for r in settled.rejected])

    def _write_points(self, table: Table, rows: list[Row]) -> None:
        """In slices, each in the order of the key, so that a page is seldom visited twice; a slice
        is what may be sorted and let go at once without stopping every other thread."""
        for start in range(0, len(rows), _SLICE_ROWS):
            numbered: list[tuple[Value, ...]] = [
                (time, self._number(table, tags, time), *fields)
                for time, tags, fields in rows[start : start + _SLICE_ROWS]
            ]
            numbered.sort(key=itemgetter(0, 1))
            self.connection.executemany(table.upsert, numbered)

    def _number(self, table: Table, tags: tuple[str, ...], time: int) -> int:
        """The number of a series, new ones added.

        `used_until` is kept to a day, so that a series is touched once a day and not every round.
        """
        known = self._series[table.measurement]
        found = known.get(tags) or self._find(table, tags)
        until = (time // DAY + 1) * DAY
        if found is None:
            cursor = self.connection.execute(table.add_series, (until, *tags))
            found = (cursor.lastrowid or 0, until)
        elif found[1] < until:
            self.connection.execute(table.extend_series, (until, found[0]))
            found = (found[0], until)
        known[tags] = found
        return found[0]

    def _find(self, table: Table, tags: tuple[str, ...]) -> tuple[int, int] | None:
        found: tuple[int, int] | None = self.connection.execute(table.find_series, tags).fetchone()
        return found

    def _write_rejected(self, record: ValidatedRound) -> None:
        if not record.rejected:
            return
        rows = [(r.time, r.measurement, r.line, r.reason, "embedded") for r in record.rejected]
        self._reject(rows)

    def _reject(self, rows: Sequence[tuple[int, str, str, str, str]]) -> None:
        """Keep refused lines apart, the newest ones."""
        self.connection.executemany(_REJECT, rows)
        self.connection.execute(_FORGET_REJECTED, (REJECTED_ROWS,))

    def _write_state(self, state: Mapping[str, bytes | None]) -> None:
        kept = [(key, value) for key, value in state.items() if value is not None]
        gone = [(key,) for key, value in state.items() if value is None]
        self.connection.executemany(_SET_STATE, kept)
        self.connection.executemany("DELETE FROM state WHERE key = ?", gone)


def _rejected(time: int, line: str, reason: str) -> tuple[int, str, str, str, str]:
    """The row of a line that InfluxDB refused; it is kept whole, so that it can be sent again."""
    measurement = line.partition(",")[0].partition(" ")[0]
    return time, measurement, line, reason[:REASON_LIMIT], "influxdb"
