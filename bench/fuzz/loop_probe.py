"""How long the event loop is held at once, in processor time: what a busy machine adds is none.

On asyncio's own loop every callback is timed, and is known by the visit that it belongs to. On
others, the processor time between two turns of a quick timer is an upper limit of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from unittest import mock

from collector.probe.trace import TRACE

_PERIOD_SECONDS: Final = 0.001


@dataclass(slots=True)
class LongestBlock:
    """The longest block so far."""

    seconds: float = 0.0
    where: str = ""
    """What was running, as far as that is known."""

    def add(self, seconds: float, describe: Callable[[], str]) -> None:
        """Record a block if it is the longest."""
        if seconds > self.seconds:
            self.seconds, self.where = seconds, describe()


@contextlib.asynccontextmanager
async def probing(running: Callable[[], str]) -> AsyncIterator[LongestBlock]:
    """Measure meanwhile. `running` says which visits are under way."""
    block = LongestBlock()
    if isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
        with _timed_callbacks(block):
            yield block
        return
    task = asyncio.create_task(_tick(block, running))
    try:
        yield block
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _tick(block: LongestBlock, running: Callable[[], str]) -> None:
    before = time.thread_time()
    while True:
        await asyncio.sleep(_PERIOD_SECONDS)
        now = time.thread_time()
        block.add(now - before, running)
        before = now


@contextlib.contextmanager
def _timed_callbacks(block: LongestBlock) -> Iterator[None]:
    run = asyncio.Handle._run

    def timed(callback: Any) -> None:
        started = time.thread_time()
        run(callback)
        block.add(time.thread_time() - started, lambda: _visit_of(callback))

    with mock.patch.object(asyncio.Handle, "_run", timed):
        yield


def _visit_of(callback: Any) -> str:
    trace = callback._context.get(TRACE) if callback._context else None
    return f"{trace.addresses if trace else 'no visit'}, {callback!r}"
