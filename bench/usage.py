"""What this process uses: processor time, memory, and what is sampled while it works."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator, Callable
from pathlib import Path


def cpu_seconds() -> float:
    """Return the processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextlib.asynccontextmanager
async def sampling(sample: Callable[[], None], seconds: float) -> AsyncIterator[None]:
    """Call `sample` again and again meanwhile, so many seconds apart."""

    async def repeat() -> None:
        while True:
            sample()
            await asyncio.sleep(seconds)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def memory_growth() -> Callable[[], int]:
    """Return what returns by how many bytes memory has grown at most since.

    The earlier peak of this process is forgotten, so that growth below it counts too.
    """
    forget_peak()
    before = peak_bytes()
    return lambda: peak_bytes() - before


def forget_peak(pid: int | None = None) -> None:
    """Let the kernel (Linux) forget the peak of memory of a process, of this one if None."""
    Path(f"/proc/{pid or 'self'}/clear_refs").write_text("5")


def peak_bytes(pid: int | None = None) -> int:
    """Return the peak of memory of a process, of this one if None, as the kernel (Linux) counts."""
    return _status_bytes("VmHWM", pid)


def resident_bytes(pid: int | None = None) -> int:
    """Return the memory of a process now, of this one if None, as the kernel (Linux) counts it."""
    return _status_bytes("VmRSS", pid)


def _status_bytes(name: str, pid: int | None) -> int:
    status = Path(f"/proc/{pid or 'self'}/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) * 1024
