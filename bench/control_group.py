"""A control group of Linux, which gives a child process little processor time or memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_PERIOD_MICROSECONDS: Final = 100_000


@contextlib.contextmanager
def throttled(pid: int, processor_share: float, memory_bytes: int) -> Iterator[None]:
    """Hold a process below a share of one processor, and slow it down above so much memory.

    0 is no limit. Raise `OSError` where no such group can be made. A memory limit that slows down
    (`memory.high`) needs version 2 of control groups.
    """
    name = f"bench-{os.getpid()}-{pid}"
    with contextlib.ExitStack() as stack:
        if processor_share:
            quota = round(processor_share * _PERIOD_MICROSECONDS)
            if (old := _ROOT / "cpu").is_dir():
                stack.enter_context(_group(old / name, pid, "cpu.cfs_quota_us", str(quota)))
            else:
                value = f"{quota} {_PERIOD_MICROSECONDS}"
                stack.enter_context(_group(_ROOT / name, pid, "cpu.max", value))
        if memory_bytes:
            stack.enter_context(_group(_ROOT / name, pid, "memory.high", str(memory_bytes)))
        yield


@contextlib.contextmanager
def _group(folder: Path, pid: int, limit: str, value: str) -> Iterator[None]:
    """Make a group with one limit and put a process in it; at the end the process is back."""
    folder.mkdir(exist_ok=True)
    try:
        if not (folder / limit).exists():
            raise OSError(f"no control group here has {limit}")
        (folder / limit).write_text(value)
        (folder / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder.parent / "cgroup.procs").write_text(str(pid))
        with contextlib.suppress(OSError):
            folder.rmdir()
