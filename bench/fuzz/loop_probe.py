"""How long the event loop is held at once, in processor time: what a busy machine adds is none.

On asyncio's own loop every callback is timed, and is known by the visit that it belongs to. On
others, the processor time between two turns of a quick timer is an upper limit of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from unittest import mock

from collector.probe.trace import TRACE

_PERIOD_SECONDS: Final = 0.001


@dataclass(slots=True)
class LongestBlock:
    """The longest block so far, in seconds; what garbage collection took is no part of it."""

    seconds: float = 0.0
    where: str = ""
    """What was running, as far as that is known."""
    collection_seconds: float = 0.0
    """The longest collection of garbage."""
    _collecting_seconds: float = 0.0
    """In sum."""
    _collection_began: float = 0.0

    def now(self) -> float:
        """Return the processor time of this thread so far without that of collections."""
        return time.thread_time() - self._collecting_seconds

    def add(self, seconds: float, describe: Callable[[], str]) -> None:
        """Record a block if it is the longest."""
        if seconds > self.seconds:
            self.seconds, self.where = seconds, describe()

    def on_collection(self, phase: str, _: object) -> None:
        """Count a collection of garbage, which falls to whatever runs."""
        if phase == "start":
            self._collection_began = time.thread_time()
            return
        spent = time.thread_time() - self._collection_began
        self._collecting_seconds += spent
        self.collection_seconds = max(self.collection_seconds, spent)


@contextlib.asynccontextmanager
async def probing(running: Callable[[], str]) -> AsyncIterator[LongestBlock]:
    """Measure meanwhile. `running` says which visits are under way."""
    block = LongestBlock()
    gc.callbacks.append(block.on_collection)
    try:
        if isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
            with _timed_callbacks(block):
                yield block
        else:
            async with _ticking(block, running):
                yield block
    finally:
        gc.callbacks.remove(block.on_collection)


@contextlib.asynccontextmanager
async def _ticking(block: LongestBlock, running: Callable[[], str]) -> AsyncIterator[None]:
    async def tick() -> None:
        before = block.now()
        while True:
            await asyncio.sleep(_PERIOD_SECONDS)
            now = block.now()
            block.add(now - before, running)
            before = now

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@contextlib.contextmanager
def _timed_callbacks(block: LongestBlock) -> Iterator[None]:
    run = asyncio.Handle._run

    def timed(callback: Any) -> None:
        started = block.now()
        run(callback)
        block.add(block.now() - started, lambda: _visit_of(callback))

    with mock.patch.object(asyncio.Handle, "_run", timed):
        yield


def _visit_of(callback: Any) -> str:
    trace = callback._context.get(TRACE) if callback._context else None
    return f"{trace.addresses if trace else 'no visit'}, {callback!r}"
