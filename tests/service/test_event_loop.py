"""The loop that commands run on, and what signals do to it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from collector.errors import Exit
from collector.service import event_loop
from collector.service.event_loop import run_async, stop_on_signals

uvloop = pytest.importorskip("uvloop")

_LIMIT_SECONDS = 30.0
"""For a signal to arrive; one that is not heard ends the test."""


class _Failing(asyncio.Protocol):
    """A protocol that raises at what it receives."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        raise self.error

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


async def _receive(error: Exception) -> None:
    """Let a protocol fail with an error at the first bytes that come."""

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"x")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1")
    async with server:
        port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(lambda: _Failing(error), "127.0.0.1", port)
        await protocol.lost.wait()


def test_commands_run_on_uvloop() -> None:
    """What is run returns its result, and runs on uvloop where it is installed."""

    async def main() -> type:
        return type(asyncio.get_running_loop())

    assert issubclass(run_async(main()), uvloop.Loop)


def test_what_is_loaded_is_no_garbage() -> None:
    """While a command runs, garbage collection leaves out what was loaded before, and only then."""

    async def main() -> int:
        return gc.get_freeze_count()

    before = gc.get_freeze_count()
    assert run_async(main()) > before + 10_000
    assert gc.get_freeze_count() == 0


def test_uvloop_reports_what_a_protocol_raises() -> None:
    """uvloop names the protocol and the exception, by which reports of aborted ones are told."""
    reported: list[dict[str, Any]] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: reported.append(context)
        )
        await _receive(RuntimeError("after an abort"))

    run_async(main())
    (context,) = reported
    assert {"message", "exception", "transport", "protocol"} <= set(context)
    assert str(context["exception"]) == "after an abort"


@pytest.mark.parametrize(
    ("error", "levels"),
    [
        pytest.param(
            RuntimeError("after an abort"), [logging.DEBUG], id="of-an-aborted-connection"
        ),
        pytest.param(KeyError("a bug of ours"), [logging.ERROR], id="anything-else"),
    ],
)
def test_only_reports_of_aborted_connections_are_ignored(
    caplog: pytest.LogCaptureFixture, error: Exception, levels: list[int]
) -> None:
    """A RuntimeError of a protocol is logged for debugging only; another error with traceback."""
    with caplog.at_level(logging.DEBUG):
        run_async(_receive(error))
    records = [r for r in caplog.records if r.name in ("asyncio", event_loop.__name__)]
    assert [r.levelno for r in records if "Fatal error" in r.getMessage()] == levels


class _Forcible(logging.Handler):
    """Sets an event when a second signal would force."""

    def __init__(self) -> None:
        super().__init__()
        self.event = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "a second signal forces" in record.getMessage():
            self.event.set()


@pytest.fixture
def forcible(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[asyncio.Event]:
    """Set when a second signal forces, which is at once here."""
    monkeypatch.setattr(event_loop, "_REPEATED_SECONDS", 0.0)
    caplog.set_level(logging.INFO)
    handler = _Forcible()
    event_loop.log.addHandler(handler)
    yield handler.event
    event_loop.log.removeHandler(handler)


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[int]:
    """The codes with which the process would have ended."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    monkeypatch.setattr(os, "_exit", queue.put_nowait)
    return queue


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_asks_and_the_second_forces(
    first: signal.Signals,
    second: signal.Signals,
    forcible: asyncio.Event,
    codes: asyncio.Queue[int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A signal sets the event and nothing else; a second one ends the process with 130."""

    async def main() -> int:
        async with asyncio.timeout(_LIMIT_SECONDS), stop_on_signals() as stop:
            os.kill(os.getpid(), first)
            await stop.wait()
            await forcible.wait()
            assert codes.empty()
            os.kill(os.getpid(), second)
            return await codes.get()

    assert run_async(main()) == Exit.INTERRUPTED
    assert "forced to stop" in caplog.text


def test_a_signal_that_comes_twice_at_once_forces_nothing(codes: asyncio.Queue[int]) -> None:
    """`timeout` signals the process and its group: both are one request to stop."""

    async def main() -> None:
        async with asyncio.timeout(_LIMIT_SECONDS), stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            await stop.wait()
            await _deliver(signal.SIGTERM)

    run_async(main())
    assert codes.empty()


def test_a_second_hang_up_forces_nothing(
    forcible: asyncio.Event, codes: asyncio.Queue[int]
) -> None:
    """A terminal that is closed sends SIGHUP more than once."""

    async def main() -> None:
        async with asyncio.timeout(_LIMIT_SECONDS), stop_on_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            await forcible.wait()
            await _deliver(signal.SIGHUP)

    run_async(main())
    assert codes.empty()


async def _deliver(number: signal.Signals) -> None:
    """Send a signal to this process; return when the loop has called what it calls for it."""
    delivered = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, delivered.set)
    os.kill(os.getpid(), number)
    os.kill(os.getpid(), signal.SIGUSR1)
    await delivered.wait()
    await asyncio.sleep(0)
