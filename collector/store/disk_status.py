"""Failures of the disk, told apart from bugs, and what an operator can do about them."""

from __future__ import annotations

import errno
import logging
import sqlite3
from pathlib import Path
from typing import Final

from collector.errors import CollectorError, DataDirectoryError

log = logging.getLogger(__name__)

_DAMAGED: Final = (
    "Start the collector: it sets the file aside and goes on with what can still be read. "
    "Check that disk."
)
_ADVICE: Final = {
    sqlite3.SQLITE_FULL: "Free some space on that disk.",
    sqlite3.SQLITE_READONLY: "Make the file and its directory writable for this user.",
    sqlite3.SQLITE_PERM: "Make the file and its directory writable for this user.",
    sqlite3.SQLITE_CANTOPEN: "Give this user the right to write there, and free space.",
    sqlite3.SQLITE_IOERR: "Check that disk: its space, its quota, and the system's log.",
    sqlite3.SQLITE_BUSY: "Close the program that holds the file open for writing.",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_AUTH: "Make the file and its directory readable for this user.",
    sqlite3.SQLITE_NOLFS: "Keep the data directory on a file system that holds large files.",
    sqlite3.SQLITE_PROTOCOL: "Keep the data directory on a local disk.",
}
"""By SQLite's primary code, every failure whose cause lies outside this program."""

_NO_FILE: Final = "Something else has the name of a file of the collector: move it away."
_OS_ADVICE: Final = {
    errno.ENOSPC: "Free some space on that disk.",
    errno.EDQUOT: "Free some space: this user's quota is used up.",
    errno.EROFS: "Mount that disk writable, or choose another data directory.",
    errno.EACCES: "Give this user the right to it, or choose another data directory.",
    errno.EPERM: "Give this user the right to it, or choose another data directory.",
    errno.ELOOP: "It is a symbolic link, and must be a file of its own: remove the link.",
    errno.EINVAL: _NO_FILE,
    errno.ENXIO: _NO_FILE,
    errno.ENOTDIR: "Choose a data directory whose path holds no plain file.",
    errno.EEXIST: "Choose a data directory whose path holds no plain file.",
}


def to_collector_error(error: BaseException, path: Path) -> CollectorError | None:
    """Return the error for an operator if the disk or the file is to blame; None for a bug."""
    if isinstance(error, CollectorError):
        return error
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
        advice = _OS_ADVICE.get(
            error.errno or 0, "Choose another data directory, or repair this one."
        )
        return DataDirectoryError(f"{path}: {reason}", advice)
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        advice = _ADVICE.get(code & 0xFF, "") if code is not None else ""
        if advice:
            name = getattr(error, "sqlite_errorname", "SQLITE")
            return DataDirectoryError(f"{path}: {error} ({name})", advice)
    return None


class DiskStatus:
    """Whether the last write to the disk succeeded. Logs changes, not every write."""

    def __init__(self) -> None:
        self._failure = ""
        """What was logged last; '' while writes succeed."""

    def write_failed(self, error: CollectorError, waiting: int) -> None:
        """Log why the disk takes nothing, unless it was logged; `waiting` rounds are in memory."""
        if str(error) == self._failure:
            return
        self._failure = str(error)
        log.error(
            "write failed: %s. %s Rounds wait in memory (%d now) until a write succeeds, and are "
            "lost if this process ends before",
            error,
            error.advice,
            waiting,
        )

    def write_succeeded(self, rounds: int) -> None:
        """Log that the disk took so many rounds, if writes failed before."""
        if self._failure:
            self._failure = ""
            log.warning("write succeeded again: %d rounds written, none waits", rounds)
