"""The lock on the data directory: one collector at a time writes into it."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

import filelock

from collector.errors import LockedError
from collector.store.disk_status import to_collector_error

_LOCK: Final = "collector.lock"
_PID: Final = "collector.pid"
_PID_BYTES: Final = 32


class DirectoryLock:
    """Keeps a second collector out. The operating system releases it when the process ends."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = filelock.FileLock(directory / _LOCK, timeout=0, mode=0o600, thread_local=False)

    def acquire(self) -> None:
        """Create the directory if needed (0700) and take the lock.

        Raises LockedError, naming the process that holds it if that is known, or
        DataDirectoryError if the directory cannot be created or written.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire()
        except filelock.Timeout:
            raise self._locked() from None
        except OSError as error:
            raise self._error(error) from error
        try:
            _write_private(self._directory / _PID, f"{os.getpid()}\n".encode())
        except OSError as error:
            self._lock.release()
            raise self._error(error) from error

    def release(self) -> None:
        """Release the lock."""
        with suppress(OSError):  # a stale pid does no harm: it is read while the lock is held
            (self._directory / _PID).unlink(missing_ok=True)
        self._lock.release()

    def _error(self, error: OSError) -> Exception:
        """Return the error for an operator; it names the file that is to blame."""
        return to_collector_error(error, Path(error.filename or self._directory)) or error

    def _locked(self) -> LockedError:
        try:
            pid = int(_read_private(self._directory / _PID))
        except (OSError, ValueError):
            holder = "another collector"
        else:
            holder = f"another collector (process {pid})"
        return LockedError(
            f"{holder} uses the data directory {self._directory}",
            "Stop it first, or give this one a data directory of its own.",
        )


def _write_private(path: Path, body: bytes) -> None:
    """Write a small file that only this user can read; raises OSError."""
    descriptor = _open_private(path, os.O_WRONLY | os.O_CREAT)
    with os.fdopen(descriptor, "wb") as pid_file:
        pid_file.truncate()
        pid_file.write(body)


def _read_private(path: Path) -> bytes:
    """Read the start of a small file; raises OSError."""
    with os.fdopen(_open_private(path, os.O_RDONLY), "rb") as pid_file:
        return pid_file.read(_PID_BYTES)


def _open_private(path: Path, flags: int) -> int:
    """Open a plain file; raises OSError, also for what somebody else may have put there.

    Through a link, a file elsewhere would be emptied; a named pipe would block for ever.
    """
    safe = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | safe, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no plain file", str(path))
    return descriptor
