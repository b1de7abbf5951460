"""The SQLite file: created, recognised, and set up so that a commit survives a power cut."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from collector import __version__
from collector.errors import CollectorError, DataDirectoryError, TooNewError
from collector.store import commits, spool
from collector.store.disk_status import to_collector_error
from collector.store.table import Table

FILE_NAME: Final = "collector.db"
APPLICATION_ID: Final = 0x43524E31
"""`CRN1`, in the file's header: what tells our file from any other SQLite file."""
FORMAT: Final = 2
"""Raised only when an older version could no longer read or write the file rightly.

New fields and new measurements do not raise it, new tags do. 2: the tag `shard`.
"""

_MAGIC: Final = b"SQLite format 3\0"
_BUSY_SECONDS: Final = 2.0
_WAL_LIMIT_BYTES: Final = 64 * 1024 * 1024

_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS copies"
    " (name TEXT PRIMARY KEY, body BLOB NOT NULL, fetched_at REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS rounds (time INTEGER PRIMARY KEY, committed_at REAL NOT NULL,"
    " points INTEGER NOT NULL, rejected INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS rejected (id INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " measurement TEXT NOT NULL, line TEXT NOT NULL, reason TEXT NOT NULL,"
    " store TEXT NOT NULL DEFAULT 'embedded')",
    commits.TABLE,
    *spool.TABLES,
)


def create(path: Path, tables: Sequence[Table]) -> sqlite3.Connection:
    """Open the file for writing; create it (0600) or add to it what this version needs.

    Raises TooNewError, or DataDirectoryError for a foreign or damaged file and if the disk fails.
    Nothing is changed in a file that is not ours.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        _refuse_foreign(path)
        return _prepared(path, tables)
    except (sqlite3.Error, OSError) as error:
        raise to_collector_error(error, path) or error from error


def reopen(path: Path, tables: Sequence[Table]) -> sqlite3.Connection:
    """Open a file that was there before, for writing; a missing one is not created.

    Raises CollectorError, sqlite3.Error or OSError.
    """
    if not path.exists():
        raise gone(path)
    return _prepared(path, tables)


def read(path: Path) -> sqlite3.Connection:
    """Open the file for reading, also while a collector writes; raises as `create` does.

    Where nothing may be written, SQLite reads a file only as one that nobody changes. That is right
    while no log of changes lies beside it.
    """
    try:
        if path.exists():
            _refuse_foreign(path)
        connection = _readable(path, "ro") if path.exists() else None
    except (sqlite3.Error, OSError) as error:
        raise to_collector_error(error, path) or error from error
    except DataDirectoryError as error:
        if not _needs_to_write(error):
            raise
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise DataDirectoryError(
                f"{path}: its last rounds are in {log.name}, which this user may not take over",
                "Run this as the user of the collector, or copy both files to a place of your own.",
            ) from error
        connection = _readable(path, "ro&immutable=1")
    if connection is None:
        raise DataDirectoryError(
            f"there is no store in {path.parent} yet",
            "Start the collector, or name the data directory of the one that runs.",
        )
    return connection


def check(path: Path) -> None:
    """Raise TooNewError or DataDirectoryError for a file that `create` would refuse.

    None at all is fine, and so is a damaged one: what can be read of it is saved.
    """
    if not path.exists():
        return
    _refuse_foreign(path)
    if not os.access(path, os.W_OK):
        raise DataDirectoryError(f"{path} may not be written by this user")
    try:
        connection = _readable(path, "ro")
    except DataDirectoryError as error:
        if not isinstance(error.__cause__, sqlite3.Error):
            raise
    else:
        if connection:
            connection.close()


def _readable(path: Path, mode: str) -> sqlite3.Connection | None:
    """Open the file for reading; return None if it is empty, raise as `_format` does."""
    connection = _connect(path, mode)
    ours = False
    try:
        ours = _format(connection, path) is not None
    finally:
        if not ours:
            connection.close()
    return connection if ours else None


def _needs_to_write(error: DataDirectoryError) -> bool:
    """Return whether reading failed only since nothing may be written beside the file."""
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def _refuse_foreign(path: Path) -> None:
    """Raise DataDirectoryError for what is no file, neither empty nor SQLite's; OSError."""
    try:
        if not path.is_file():  # to open a named pipe would block
            raise _foreign(path)
        with path.open("rb") as opened:
            start = opened.read(len(_MAGIC))
    except PermissionError as error:
        raise DataDirectoryError(
            f"{path} may not be read by this user",
            "Run this as the user of the collector, or give this user the right to read it.",
        ) from error
    if start and start != _MAGIC:
        raise _foreign(path)


def gone(path: Path) -> CollectorError:
    """Return the error for a file that is open, and no longer the one under its name."""
    return DataDirectoryError(
        f"{path} was moved or deleted while it was in use",
        "Put it back, or restart the collector: it starts a new one.",
    )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = lenient_text
    return connection


def lenient_text(stored: bytes) -> str:
    """Return a text of the file, which another program or a bad disk may have damaged."""
    return stored.decode(errors="replace")


def _prepared(path: Path, tables: Sequence[Table]) -> sqlite3.Connection:
    connection = _connect(path, "rw")
    try:
        current = _format(connection, path) == FORMAT
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT_BYTES}")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            connection.execute(statement)
        _add_store(connection)
        for table in tables:
            table.ensure(connection)
        if not current:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _add_store(connection: sqlite3.Connection) -> None:
    """Add the store that rejected a line; files of the first versions lack it."""
    names = connection.execute("SELECT name FROM pragma_table_info('rejected')")
    if ("store",) not in names.fetchall():
        connection.execute("ALTER TABLE rejected ADD COLUMN store TEXT NOT NULL DEFAULT 'embedded'")


def _format(connection: sqlite3.Connection, path: Path) -> int | None:
    """Return the format of the store in the file, None if the file is empty.

    Raise TooNewError for a newer format, DataDirectoryError for a foreign or damaged file.
    """
    try:
        (identity,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise to_collector_error(error, path) or error from error
    if identity != APPLICATION_ID:
        if identity or version or objects:
            raise _foreign(path)
        return None
    if version > FORMAT:
        raise TooNewError(
            f"{path} was written by a newer version of the collector (its format is {version}; "
            f"version {__version__} knows format {FORMAT})",
            "Upgrade the collector, or choose another data directory.",
        )
    return int(version)


def _foreign(path: Path) -> CollectorError:
    return DataDirectoryError(
        f"{path} is a file of another program",
        "Choose another data directory, or move that file away.",
    )
