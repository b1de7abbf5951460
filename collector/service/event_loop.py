"""The event loop that commands run on, and what a signal does to it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from collector.errors import Exit

try:
    import uvloop
except ImportError:  # not made for this platform
    uvloop = None  # type: ignore[assignment]

log = logging.getLogger(__name__)
T = TypeVar("T")


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on uvloop where there is one; return what it returns."""
    factory = uvloop.new_event_loop if uvloop else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.get_loop().set_exception_handler(_ignore_aborted)
        return runner.run(main)


@contextlib.asynccontextmanager
async def stop_on_signals() -> AsyncIterator[asyncio.Event]:
    """Yield the event that the first SIGTERM or Ctrl-C sets. A second one ends the process."""
    stop, force = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (force if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, on_signal)
    watch = asyncio.create_task(_obey(stop, force))
    try:
        yield stop
    finally:
        watch.cancel()
        await asyncio.wait({watch})


async def _obey(stop: asyncio.Event, force: asyncio.Event) -> None:
    await stop.wait()
    log.info("stopping: what is under way may finish; a second signal forces")
    await force.wait()
    log.error("forced to stop: what is under way is lost")
    os._exit(Exit.INTERRUPTED)


def _ignore_aborted(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore what uvloop reports of a node that still sends on a connection that was aborted."""
    error = context.get("exception")
    if isinstance(error, RuntimeError | OSError) and "protocol" in context:
        log.debug("%s: %s", context.get("message"), error)
    else:
        loop.default_exception_handler(context)
