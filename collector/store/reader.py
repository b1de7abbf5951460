"""Reads the store while a collector writes it, from the same or another process."""

from __future__ import annotations

import gzip
import math
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from collector.schema.column import ColumnKind, Point
from collector.store import commits, file
from collector.store.disk_status import to_collector_error
from collector.store.table import points_table, quoted, series_table

Parameters = Sequence[Any] | Mapping[str, Any]
P = TypeVar("P", bound=Point)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WaitingRound:
    """A round that waits for delivery."""

    time: int
    """Of the round, in seconds since 1970."""
    batches: int
    """Writes that it takes."""
    points: int
    bytes: int
    """Of its batches as they are stored, gzipped."""


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A point that a store rejected for good."""

    time: int
    """Of its round, in seconds since 1970."""
    store: str
    """`embedded` or `influxdb`."""
    measurement: str
    reason: str
    """In the words of that store."""
    line: str
    """Line protocol, without its line break."""


class Reader:
    """A read-only connection. It takes no lock that a writer would wait for.

    Each measurement is a view under its own name: time (seconds since 1970), tags (`''` if
    absent), fields (None if absent). One thread at a time.
    """

    def __init__(
        self, directory: Path, latest_time: Callable[[], float] = lambda: math.inf
    ) -> None:
        """Open the store in a data directory.

        A round after `latest_time` (seconds since 1970, asked at each call) was made by a clock
        that was wrong: it is not the last round.

        Raises DataDirectoryError if there is none yet or it cannot be read, and TooNewError if a
        newer version wrote it.
        """
        self._path = directory / file.FILE_NAME
        self._latest_time = latest_time
        self._connection = file.read(self._path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def rows(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """Return the rows of a query, each as a dict by column.

        Raises DataDirectoryError if the disk fails, and sqlite3.Error for a wrong query.
        """

        def read() -> list[dict[str, Any]]:
            cursor = self._connection.execute(sql, parameters)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]

        return self._try(read)

    def _try(self, read: Callable[[], T]) -> T:
        """Return what is read; raise as `rows` does."""
        try:
            return read()
        except (sqlite3.Error, OSError) as error:
            raise to_collector_error(error, self._path) or error from error

    def last_round(self) -> int | None:
        """Return the time of the round committed last, in seconds since 1970; None without one.

        Rounds from the future are passed over.
        """
        return self._try(lambda: commits.last(self._connection, self._latest_time()))

    def future_round(self) -> int | None:
        """Return the time of the round committed last if it is from the future, else None."""
        last = self._try(lambda: commits.last(self._connection))
        return last if last is not None and last > self._latest_time() else None

    def commits_since(self, number: int = 0) -> list[tuple[int, int]]:
        """Return number and round's time of each commit after one, oldest first.

        The last 1,000 are known; rounds from the future are left out.
        """
        latest = self._latest_time()
        found = self._try(lambda: commits.since(self._connection, number))
        return [(each, time) for each, time in found if time <= latest]

    def latest(
        self, kind: type[P], within_seconds: float, /, **tags: str | Collection[str]
    ) -> list[P]:
        """Return the newest point of each series, oldest first.

        None is older than `within_seconds` before the last round. `tags` limits the answer to
        series whose tag has that value, or one of those values. The list is empty for a
        measurement that the store never held. The cost is that of the rounds in that span,
        however long the history is.
        """
        last = self.last_round()
        if last is None or not self.has(kind.MEASUREMENT):
            return []
        points = quoted(points_table(kind.MEASUREMENT))
        series = quoted(series_table(kind.MEASUREMENT))
        where, values = _conditions(tags)
        rows = self.rows(
            f"WITH newest AS (SELECT series, max(time) AS time FROM {points} "
            f"WHERE time BETWEEN ? AND ? GROUP BY series) "
            f"SELECT p.time, s.*, p.* FROM newest "
            f"JOIN {points} AS p USING (time, series) JOIN {series} AS s USING (series) "
            f"WHERE 1{where} ORDER BY p.time",
            (last - within_seconds, last, *values),
        )
        return [_point(kind, row) for row in rows]

    def between(
        self, kind: type[P], start: float, end: float, /, **tags: str | Collection[str]
    ) -> list[P]:
        """Return the points of a measurement from `start` to `end`, both included, oldest first.

        Times are in seconds since 1970; `tags` works as for `latest`. The list is empty for a
        measurement that the store never held.
        """
        if not self.has(kind.MEASUREMENT):
            return []
        where, values = _conditions(tags)
        rows = self.rows(
            f"SELECT * FROM {quoted(kind.MEASUREMENT)} "
            f"WHERE time BETWEEN ? AND ?{where} ORDER BY time",
            (start, end, *values),
        )
        return [_point(kind, row) for row in rows]

    def waiting_rounds(self) -> list[WaitingRound]:
        """Return the rounds that wait for delivery, oldest first."""
        rows = self.rows(
            "SELECT time, count(*) AS batches, sum(points) AS points, sum(bytes) AS bytes"
            " FROM spool GROUP BY time ORDER BY time"
        )
        return [WaitingRound(**row) for row in rows]

    def waiting_lines(self, time: int | None = None) -> Iterator[bytes]:
        """Yield the line protocol that waits for delivery, a batch at a time, oldest first.

        `time` is that of one round; None means all. Nothing is yielded for a round that does not
        wait.
        """
        where = "WHERE time = ?" if time is not None else "WHERE ? IS NULL"
        for row in self.rows(f"SELECT id FROM spool {where} ORDER BY time, id", (time,)):
            for batch in self.rows("SELECT body FROM spool WHERE id = ?", (row["id"],)):
                yield gzip.decompress(batch["body"])

    def rejected_lines(self) -> list[RejectedLine]:
        """Return the lines that a store rejected, in the order in which they were."""
        rows = self.rows("SELECT time, store, measurement, reason, line FROM rejected ORDER BY id")
        return [RejectedLine(**row) for row in rows]

    def has(self, measurement: str) -> bool:
        """Return whether the store ever held such a measurement."""
        sql = "SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = ?"
        return bool(self.rows(sql, (measurement,)))


def _conditions(tags: Mapping[str, str | Collection[str]]) -> tuple[str, list[str]]:
    """Return SQL that follows a condition and limits tags to values, and those values."""
    where, values = "", []
    for name, wanted in tags.items():
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        where += f" AND {quoted(name)} IN ({', '.join('?' * len(names))})"
        values += names
    return where, values


def _point(kind: type[P], row: Mapping[str, Any]) -> P:
    """Return the point of a row; the file has `''` for an absent tag."""
    tags = {column.name for column in kind.columns() if column.kind is ColumnKind.TAG}
    return kind.from_row({k: None if k in tags and v == "" else v for k, v in row.items()})
