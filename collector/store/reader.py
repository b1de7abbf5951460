"""Reads the store beside a collector that writes it, from the same or another process."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from collector.store import file
from collector.store.disk_status import to_collector_error
from collector.store.table import points_table, quoted, series_table

Parameters = Sequence[Any] | Mapping[str, Any]


class Reader:
    """A read-only connection. It takes no lock that a writer would wait for.

    Each measurement is a view under its own name: time (seconds since 1970), tags (`''` if
    absent), fields (None if absent). One thread at a time.
    """

    def __init__(self, directory: Path) -> None:
        """Open the store in a data directory.

        Raises DataDirectoryError if there is none yet or it cannot be read, and TooNewError if a
        newer version wrote it.
        """
        self._path = directory / file.FILE_NAME
        self._connection = file.read(self._path)

    def close(self) -> None:
        """Let go of the file."""
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
        """The answer to a query, a dict per row.

        Trouble with the disk is a DataDirectoryError; a wrong query raises sqlite3.Error.
        """
        try:
            cursor = self._connection.execute(sql, parameters)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        except (sqlite3.Error, OSError) as error:
            raise to_collector_error(error, self._path) or error from error

    def last_round(self) -> int | None:
        """Time of the newest round; None if there is none."""
        last: int | None = self.rows("SELECT max(time) AS last FROM rounds")[0]["last"]
        return last

    def latest(self, measurement: str, within_seconds: float) -> list[dict[str, Any]]:
        """The newest point of each series, none older than so many seconds before the last round.

        Empty for a measurement that the store has never held. The cost is that of the rounds in
        that span, however long the history is.
        """
        last = self.last_round()
        if last is None or not self.has(measurement):
            return []
        points, series = quoted(points_table(measurement)), quoted(series_table(measurement))
        rows = self.rows(
            f"WITH newest AS (SELECT series, max(time) AS time FROM {points} "
            f"WHERE time >= ? GROUP BY series) "
            f"SELECT p.time, s.*, p.* FROM newest "
            f"JOIN {points} AS p USING (time, series) JOIN {series} AS s USING (series)",
            (last - within_seconds,),
        )
        for row in rows:
            del row["series"], row["used_until"]
        return rows

    def has(self, measurement: str) -> bool:
        """Whether the store has ever held such a measurement."""
        sql = "SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = ?"
        return bool(self.rows(sql, (measurement,)))
