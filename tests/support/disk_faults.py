"""Disks and files that fail: a small disk that can be filled, and a file that is not there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_BALLAST = "ballast"


@contextmanager
def small_disk_in(folder: Path, size_bytes: int = 1024 * 1024) -> Iterator[Path | None]:
    """Yield a real disk of that size; None where this user may not mount one."""
    disk = folder / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0700", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def fill(disk: Path) -> None:
    """Leave no byte of a disk free."""
    with suppress(OSError), (disk / _BALLAST).open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(65_536))


def empty(disk: Path) -> None:
    """Free what `fill` has taken, if anything."""
    (disk / _BALLAST).unlink(missing_ok=True)


@contextmanager
def store_moved_away(directory: Path) -> Iterator[None]:
    """Move the file of a store out of the way, and back at the end."""
    here, away = directory / "collector.db", directory / "away.db"
    here.rename(away)
    try:
        yield
    finally:
        away.rename(here)
