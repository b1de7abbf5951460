"""The one writing connection to the store's file: opened, checked before each use, and reopened.

Whoever holds it decides what to write and what to do when that fails. Belongs to one thread.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from collector.errors import CollectorError
from collector.store import file
from collector.store.disk_status import to_collector_error
from collector.store.salvage import is_damage, salvage
from collector.store.table import Table
from collector.store.writer import Writer

log = logging.getLogger(__name__)
T = TypeVar("T")

_SALVAGES: Final = 3
"""Damaged files that one process sets aside; a disk that damages more needs an operator."""


class StoreConnection:
    """Open from construction to `close`, but for the time after a failure."""

    def __init__(self, path: Path, tables: Mapping[str, Table]) -> None:
        """Create the file or open it; a damaged one is salvaged first.

        Raises TooNewError, or DataDirectoryError for the file of another program, for one that
        cannot be salvaged, and if the disk fails.
        """
        self._path = path
        self._tables = tables
        self._salvaged = 0
        self._writer: Writer | None = None
        self._identity: tuple[int, int] | None = None
        self._use(self._create())

    def run(self, step: Callable[[Writer], T]) -> T:
        """Return what a step returns. After damage it runs again, on the salvaged file.

        Raises CollectorError if the disk or the file is to blame; the next step then gets a new
        connection. Whatever else the step raises is a bug, and is raised as it is.
        """
        try:
            writer = self._open()
            self._check_identity()
            return step(writer)
        except Exception as error:
            if self._salvage(error):
                return self.run(step)
            failure = to_collector_error(error, self._path)
            if failure is None:
                raise
            self.close()
            if failure is error:
                raise
            raise failure from error

    def close(self) -> None:
        """Close the file; the next step opens it again."""
        if self._writer is not None:
            self._writer.connection.close()
            self._writer = None

    def _create(self) -> sqlite3.Connection:
        """Create the file or open it; a fresh one with what could be saved, if it is damaged."""
        tables = tuple(self._tables.values())
        try:
            return file.create(self._path, tables)
        except CollectorError as error:
            if not self._salvage(error):
                raise
        return file.create(self._path, tables)

    def _open(self) -> Writer:
        """Return the writer; after a failure on a new connection, since the old may be stale."""
        if self._writer is None:
            return self._use(file.reopen(self._path, tuple(self._tables.values())))
        return self._writer

    def _use(self, connection: sqlite3.Connection) -> Writer:
        self._writer = Writer(connection, self._tables)
        self._identity = _identity(self._path)
        return self._writer

    def _check_identity(self) -> None:
        """Raise if the file was moved away: writing into it would work, and be lost."""
        if _identity(self._path) != self._identity:
            raise file.gone(self._path)

    def _salvage(self, error: BaseException) -> bool:
        """Put a fresh file in the place of a damaged one.

        Returns False if the error is no damage, or if nothing could be saved.
        """
        if not is_damage(error) or self._salvaged >= _SALVAGES:
            return False
        self._salvaged += 1
        self.close()
        try:
            salvage(self._path, tuple(self._tables.values()), error)
        except (sqlite3.Error, OSError, CollectorError):
            log.exception("%s is damaged, and nothing of it could be saved", self._path)
            return False
        return True


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells this file from another one of the same name; None if there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
