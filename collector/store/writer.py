"""Writes a round in one transaction: points, state, rejected lines and the round itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Final

from collector.model.queue import Ack
from collector.schema.column import Value
from collector.store import commits, spool
from collector.store.table import Table
from collector.store.validation import RejectedPoint, RoundCounts, Row, ValidatedSlice
from collector.times import DAY

_SLICE_ROWS: Final = 2_000
_REASON_LIMIT: Final = 4_096
"""Characters of a database's message that are kept."""
_REJECTED_ROWS: Final = 10_000
"""Rejected lines that are kept; beyond them the oldest are deleted."""

_REJECT: Final = (
    "INSERT INTO rejected (time, measurement, line, reason, store) VALUES (?, ?, ?, ?, ?)"
)
_TRIM_REJECTED: Final = "DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ?"
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
    """Commit what is done inside, or, if something is raised, leave the file as it was."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back by itself
            connection.execute("ROLLBACK")
        raise


class Writer:
    """Writes through one connection. Not for two threads at once."""

    def __init__(self, connection: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
        self.connection = connection
        self._tables = tables
        self._series: dict[str, dict[tuple[str, ...], tuple[int, int]]] = {}
        self.forget_series()

    def forget_series(self) -> None:
        """Forget the numbers of all series, which may have changed; they are looked up again."""
        self._series = {name: {} for name in self._tables}

    def write(
        self,
        time: int,
        slices: Iterable[ValidatedSlice],
        state: Mapping[str, bytes | None],
        now: float,
    ) -> RoundCounts:
        """Write the round of `time` at `now` (both in seconds since 1970); return what it had.

        The slices are read while it is written, in one transaction. Raises what they raise, or
        sqlite3.Error, and then nothing of the round is in the file.
        """
        counts = RoundCounts()
        try:
            with transaction(self.connection):
                for added in slices:
                    self._write_slice(added)
                    counts = counts.plus(added)
                self._write_state(state)
                self.connection.execute(_SET_ROUND, (time, now, counts.points, counts.rejected))
                commits.add(self.connection, time)
        except BaseException:
            self.forget_series()
            raise
        return counts

    def save_copy(self, name: str, body: bytes, at: float) -> None:
        """Keep a document under a name, in place of the one before."""
        with transaction(self.connection):
            self.connection.execute(_SET_COPY, (name, body, at))

    def acknowledge(self, acks: Sequence[Ack]) -> None:
        """Remove batches from the spool, and keep what the database rejected of them."""
        with transaction(self.connection):
            for ack in acks:
                spool.remove(self.connection, ack)
                if ack.rejected:
                    self._reject([_rejected_row(ack.time, *r) for r in ack.rejected])

    def _write_slice(self, added: ValidatedSlice) -> None:
        for name, rows in added.rows.items():
            self._write_points(self._tables[name], rows)
        self._write_rejected(added.rejected)
        spool.add(self.connection, added.batches)

    def _write_points(self, table: Table, rows: list[Row]) -> None:
        """Write in slices, each in the order of the key, so that a page is seldom visited twice.

        A slice is what can be sorted and released at once without stopping every other thread.
        """
        for start in range(0, len(rows), _SLICE_ROWS):
            numbered: list[tuple[Value, ...]] = [
                (time, self._number(table, tags, time), *fields)
                for time, tags, fields in rows[start : start + _SLICE_ROWS]
            ]
            numbered.sort(key=itemgetter(0, 1))
            self.connection.executemany(table.upsert, numbered)

    def _number(self, table: Table, tags: tuple[str, ...], time: int) -> int:
        """Return the number of a series; a new one is added.

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

    def _write_rejected(self, rejected: Sequence[RejectedPoint]) -> None:
        if rejected:
            self._reject([(r.time, r.measurement, r.line, r.reason, "embedded") for r in rejected])

    def _reject(self, rows: Sequence[tuple[int, str, str, str, str]]) -> None:
        """Keep rejected lines, the newest ones."""
        self.connection.executemany(_REJECT, rows)
        self.connection.execute(_TRIM_REJECTED, (_REJECTED_ROWS,))

    def _write_state(self, state: Mapping[str, bytes | None]) -> None:
        changed = [(key, value) for key, value in state.items() if value is not None]
        deleted = [(key,) for key, value in state.items() if value is None]
        self.connection.executemany(_SET_STATE, changed)
        self.connection.executemany("DELETE FROM state WHERE key = ?", deleted)


def _rejected_row(time: int, line: str, reason: str) -> tuple[int, str, str, str, str]:
    """Return the row of a line that InfluxDB rejected; whole, so that it can be sent again."""
    measurement = line.partition(",")[0].partition(" ")[0]
    return time, measurement, line, reason[:_REASON_LIMIT], "influxdb"
