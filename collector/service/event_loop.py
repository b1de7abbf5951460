"""The event loop that commands run on, and what a signal does to it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Final, TypeVar

from collector.errors import Exit
from collector.service.signals import stop_signals

try:
    import uvloop
except ImportError:  # not made for this platform
    uvloop = None  # type: ignore[assignment]

log = logging.getLogger(__name__)
T = TypeVar("T")

_REPEATED_SECONDS: Final = 0.5
"""Within so long after the first signal, another one is the same."""


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on uvloop where there is one; return what it returns."""
    factory = uvloop.new_event_loop if uvloop else None
    with asyncio.Runner(loop_factory=factory) as runner, _loaded_code_kept():
        runner.get_loop().set_exception_handler(_ignore_aborted)
        return runner.run(main)


@contextlib.contextmanager
def _loaded_code_kept() -> Iterator[None]:
    """Keep what is loaded by now out of garbage collection.

    A full collection went through all of it, and held the event loop for some 100 ms.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextlib.asynccontextmanager
async def stop_on_signals() -> AsyncIterator[asyncio.Event]:
    """Yield the event that the first SIGTERM, SIGHUP or Ctrl-C sets. A second ends the process.

    A signal that follows at once is the first one again: `timeout` signals the process and then its
    group. A second SIGHUP forces nothing either: a terminal that is closed sends several.
    """
    stop, forcible, force = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if forcible.is_set() and number.name != "SIGHUP":
            force.set()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, *stop_signals()):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, on_signal, number)
    watch = asyncio.create_task(_obey(stop, forcible, force))
    try:
        yield stop
    finally:
        watch.cancel()
        await asyncio.wait({watch})


async def _obey(stop: asyncio.Event, forcible: asyncio.Event, force: asyncio.Event) -> None:
    await stop.wait()
    log.info("stopping: what is under way may finish")
    await asyncio.sleep(_REPEATED_SECONDS)
    forcible.set()
    log.info("still stopping; a second signal forces")
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
