"""One measurement in SQLite: a table of numbered series, a table of points, and a view of both.

`<measurement>__series` numbers each distinct set of tags; `<measurement>__points` has a row per
time and series with a column per field; the view `<measurement>` shows time, tags and fields.
Time comes first in the key, so that a round is appended at the end and removed from the start.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from collector.schema.column import Column, ColumnKind, Point, Value

_RESERVED: Final = {"time", "series", "used_until"}
_SQL_TYPES: Final = {
    ColumnKind.INTEGER: "INTEGER",
    ColumnKind.FLOAT: "REAL",
    ColumnKind.TEXT: "TEXT",
}


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def points_table(measurement: str) -> str:
    """Return the name of the table that holds a measurement's points."""
    return f"{measurement}__points"


def series_table(measurement: str) -> str:
    """Return the name of the table that numbers a measurement's sets of tags."""
    return f"{measurement}__series"


@dataclass(frozen=True, slots=True)
class Table:
    """The tables of one measurement, and the SQL that writes them."""

    measurement: str
    tags: tuple[Column, ...]
    fields: tuple[Column, ...]
    upsert: str
    """Parameters: time, series and the fields in order. A field that is None keeps its value."""
    find_series: str
    """Parameters: the tags in order. Returns `(series, used_until)`."""
    add_series: str
    """Parameters: `used_until` and the tags in order."""
    extend_series: str
    """Parameters: `used_until` and the series."""

    @classmethod
    def of(cls, measurement: type[Point]) -> Table:
        """Return the table of a measurement; raise ValueError if a column has a reserved name."""
        columns = measurement.columns()
        if bad := _RESERVED.intersection(c.name for c in columns):
            raise ValueError(f"{measurement.__name__}: {sorted(bad)} cannot be a tag or field")
        tags = tuple(c for c in columns if c.kind is ColumnKind.TAG)
        fields = tuple(c for c in columns if c.kind is not ColumnKind.TAG)
        name = measurement.MEASUREMENT
        return cls(name, tags, fields, _upsert(name, fields), *_series(name, tags))

    def ensure(self, connection: sqlite3.Connection) -> None:
        """Create what is missing, inside the caller's transaction.

        Columns are added and never removed: columns of a newer version are kept and shown by the
        view. An added field has no CHECK of its type, since SQLite would first run it over the
        whole history (20 s for 14 days); points are validated before they are written. For the
        points that are there, an added tag has the value `Column.before`.
        """
        series, points = series_table(self.measurement), points_table(self.measurement)
        connection.execute(self._create_series(series))
        if added := {c.name for c in self.tags} - set(_columns_of(connection, series)):
            self._rebuild_series(connection, series, added)
        connection.execute(self._create_points(points))
        present = _columns_of(connection, points)
        for column in self.fields:
            if column.name not in present:
                definition = f"{quoted(column.name)} {_SQL_TYPES[column.kind]}"
                connection.execute(f"ALTER TABLE {quoted(points)} ADD COLUMN {definition}")
        self._ensure_view(connection)

    def _create_series(self, table: str) -> str:
        tags = [f"{quoted(c.name)} TEXT NOT NULL" for c in self.tags]
        unique = [f"UNIQUE ({', '.join(quoted(c.name) for c in self.tags)})"] if tags else []
        columns = ["series INTEGER PRIMARY KEY", "used_until INTEGER NOT NULL", *tags, *unique]
        return f"CREATE TABLE IF NOT EXISTS {quoted(table)} ({', '.join(columns)})"

    def _rebuild_series(
        self, connection: sqlite3.Connection, table: str, added: Collection[str]
    ) -> None:
        """Create the table anew with more tags, since its unique key is over all of them.

        Every series keeps its number, so no point is touched. Nothing is renamed: SQLite would
        rewrite, or stumble over, views that somebody else has made in the file.
        """
        names = ["series", "used_until", *(quoted(c.name) for c in self.tags)]
        kept = [quoted(c.name) if c.name not in added else "?" for c in self.tags]
        series = connection.execute(
            f"SELECT series, used_until, {', '.join(kept)} FROM {quoted(table)}",
            [c.before for c in self.tags if c.name in added],
        ).fetchall()
        connection.execute(f"DROP TABLE {quoted(table)}")
        connection.execute(self._create_series(table))
        connection.executemany(
            f"INSERT INTO {quoted(table)} ({', '.join(names)}) "
            f"VALUES ({', '.join('?' * len(names))})",
            series,
        )

    def _create_points(self, table: str) -> str:
        columns = ["time INTEGER NOT NULL", "series INTEGER NOT NULL"]
        columns += [_field_definition(c) for c in self.fields]
        return (
            f"CREATE TABLE IF NOT EXISTS {quoted(table)} "
            f"({', '.join(columns)}, PRIMARY KEY (time, series)) WITHOUT ROWID"
        )

    def _ensure_view(self, connection: sqlite3.Connection) -> None:
        """Make the view show every column of the file; leave it alone if it does already."""
        name = quoted(self.measurement)
        fields = _columns_of(connection, points_table(self.measurement))[2:]
        shown = [
            "p.time",
            *(f"s.{quoted(c.name)}" for c in self.tags),
            *(f"p.{quoted(f)}" for f in fields),
        ]
        view = (
            f"CREATE VIEW {name} AS SELECT {', '.join(shown)} "
            f"FROM {quoted(points_table(self.measurement))} AS p "
            f"JOIN {quoted(series_table(self.measurement))} AS s USING (series)"
        )
        found = connection.execute(
            "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = ?", (self.measurement,)
        ).fetchone()
        if found != (view,):
            connection.execute(f"DROP VIEW IF EXISTS {name}")
            connection.execute(view)

    def split(self, row: tuple[Value, ...]) -> tuple[tuple[str, ...], tuple[Value, ...]]:
        """Return the row of a point as tags, absent ones as `''`, and fields."""
        count = len(self.tags)
        return tuple(str(tag) if tag is not None else "" for tag in row[:count]), row[count:]


def _columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,))
    return [name for (name,) in rows]


def _field_definition(column: Column) -> str:
    """Return the column of a field. Its CHECK also holds for what other programs write."""
    name, sql_type = quoted(column.name), _SQL_TYPES[column.kind]
    return f"{name} {sql_type} CHECK (typeof({name}) IN ('{sql_type.lower()}', 'null'))"


def _upsert(measurement: str, fields: tuple[Column, ...]) -> str:
    names = [quoted(c.name) for c in fields]
    merged = ", ".join(f"{n} = COALESCE(excluded.{n}, {n})" for n in names)
    return (
        f"INSERT INTO {quoted(points_table(measurement))} "
        f"({', '.join(['time', 'series', *names])}) "
        f"VALUES ({', '.join('?' * (len(names) + 2))}) "
        f"ON CONFLICT (time, series) DO UPDATE SET {merged}"
    )


def _series(measurement: str, tags: tuple[Column, ...]) -> tuple[str, str, str]:
    """Return the SQL that finds, adds and extends a series."""
    table, names = quoted(series_table(measurement)), [quoted(c.name) for c in tags]
    where = " AND ".join(f"{n} = ?" for n in names) or "1"
    find = f"SELECT series, used_until FROM {table} WHERE {where}"
    columns = ", ".join(["used_until", *names])
    add = f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * (len(names) + 1))})"
    return find, add, f"UPDATE {table} SET used_until = ? WHERE series = ?"
