"""Salvages a damaged file: what can be read goes into a fresh one, the old one is set aside.

The damaged file keeps its bytes, under another name beside the new one.
"""

from __future__ import annotations

import datetime as dt
import gzip
import logging
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from collector.store import file
from collector.store.table import Table, quoted

log = logging.getLogger(__name__)

_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TABLES: Final = "FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
_COMPANIONS: Final = ("", "-wal", "-shm")


def is_damage(error: BaseException) -> bool:
    """Return whether this error, or its cause, says that the file is damaged."""
    cause = error.__cause__ or error
    code = getattr(cause, "sqlite_errorcode", None)
    return isinstance(cause, sqlite3.Error) and code is not None and code & 0xFF in _DAMAGE


def salvage(path: Path, tables: Sequence[Table], error: BaseException) -> None:
    """Put a fresh file in the place of a damaged one, with every row that can still be read.

    `error` is what showed the damage. The file must not be open. Raises sqlite3.Error, OSError or
    CollectorError if the disk fails; then the damaged file is where it was.
    """
    stamp = dt.datetime.now(dt.UTC)
    aside = path.with_name(f"{path.name}.damaged-{stamp:%Y%m%dT%H%M%S.%fZ}")
    fresh = path.with_name(f"{path.name}.fresh")
    for companion in _COMPANIONS:
        Path(f"{fresh}{companion}").unlink(missing_ok=True)
    try:
        rows, whole = _save(path, fresh, tables)
        for companion in reversed(_COMPANIONS):
            if (old := Path(f"{path}{companion}")).exists():
                old.rename(f"{aside}{companion}")
        fresh.rename(path)
    except BaseException:
        for companion in _COMPANIONS:
            Path(f"{fresh}{companion}").unlink(missing_ok=True)
        raise
    log.error(
        "%s is damaged (%s). %s; the damaged file is kept as %s. Check that disk.",
        path,
        error.__cause__ or error,
        f"All of its {rows} rows were saved into a new one"
        if whole and rows
        else f"{rows} rows could still be read and were saved into a new one, the rest is lost",
        aside.name,
    )


def _save(path: Path, fresh: Path, tables: Sequence[Table]) -> tuple[int, bool]:
    """Fill a fresh file; return the number of its rows, and whether every table was readable."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as old:
        old.text_factory = file.lenient_text
        statements = _schema(old)
        with closing(file.create(fresh, ())) as new:
            for statement in statements or ():
                new.execute(statement)
            total, whole = 0, statements is not None
            for (name,) in new.execute(f"SELECT name {_TABLES}").fetchall() if whole else ():
                count, complete = _copy(old, new, name)
                total, whole = total + count, whole and complete
    file.create(fresh, tables).close()  # adds what this version needs to tables of an older one
    return total, whole


def _schema(old: sqlite3.Connection) -> list[str] | None:
    """Return statements that create the tables, also other versions'; None if unreadable."""
    try:
        statements = [text for (text,) in old.execute(f"SELECT sql {_TABLES}")]
    except sqlite3.Error:
        return None
    return [
        text.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)
        if "IF NOT EXISTS" not in text
        else text
        for text in statements
    ]


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, name: str) -> tuple[int, bool]:
    """Copy a table from its start, and if a row is unreadable, from its end as well.

    Returns how many rows were copied, and whether all were.
    """
    key = [
        quoted(column)
        for (column,) in new.execute(
            "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (name,)
        )
    ]
    before = _count(new, name)
    whole = _copy_ordered(old, new, name, "")
    if not whole and key:
        _copy_ordered(old, new, name, f" ORDER BY {', '.join(f'{k} DESC' for k in key)}")
    return _count(new, name) - before, whole


def _copy_ordered(old: sqlite3.Connection, new: sqlite3.Connection, name: str, order: str) -> bool:
    """Copy rows until one cannot be read; return whether all could be."""
    try:
        cursor = old.execute(f"SELECT * FROM {quoted(name)}{order}")
        columns = [column[0] for column in cursor.description]
    except sqlite3.Error:
        return False
    insert = (
        f"INSERT OR IGNORE INTO {quoted(name)} ({', '.join(map(quoted, columns))}) "
        f"VALUES ({', '.join('?' * len(columns))})"
    )
    rows = _ReadableRows(cursor)
    new.execute("BEGIN IMMEDIATE")
    new.executemany(insert, (row for row in rows if name != "spool" or _is_batch(row[-1])))
    new.execute("COMMIT")
    return rows.complete


class _ReadableRows:
    """The rows of a cursor, up to the first that cannot be read."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.complete = False
        """Whether the last row was reached."""
        self._cursor = cursor

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        with suppress(sqlite3.Error, UnicodeDecodeError):
            while (row := self._cursor.fetchone()) is not None:
                yield row
            self.complete = True


def _is_batch(body: bytes) -> bool:
    """Return whether a body of the spool can be unpacked."""
    try:
        gzip.decompress(body)
    except (OSError, EOFError, zlib.error, TypeError):
        return False
    return True


def _count(connection: sqlite3.Connection, name: str) -> int:
    (count,) = connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()
    return int(count)
