"""Real visits over connections that exist in memory only: everything but sockets and TLS.

The collector's own session, parser of HTTP and limits are at work; what is not is in `server`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.tracing import Trace

from bench.fuzz.answer import Answer
from bench.fuzz.fuzzed_network import number_of
from collector.probe.connection import BoundedHttp
from collector.probe.policy import AddressPolicy
from collector.probe.prober import Prober
from collector.probe.resolver import Resolver
from collector.probe.session import open_session
from collector.probe.trace import TRACE
from collector.probe.visit import VisitLimits

LIMITS: Final = VisitLimits(timeout_seconds=5.0, diagnostic_timeout_seconds=5.0, requests=4)
_PART_BYTES: Final = 64 * 1024
_TURNS: Final = 40
"""Turns of the loop after an answer until the node hangs up if nobody asks for more."""

Play = Callable[[int, str], Answer]
"""Returns the answer of the node with a number on a path."""


class MemoryTransport(asyncio.Transport):
    """Answers every request at once, and hangs up when nobody asks for more."""

    def __init__(self, protocol: ResponseHandler, play: Play, number: int) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._play = play
        self._number = number
        self._request = b""
        self._unread: list[bytes] = []
        self._turns = 0
        self._is_paused = False
        self._is_closed = False

    def write(self, content: bytes | bytearray | memoryview[Any]) -> None:
        """Take a request, or a part of it, and answer it when it is complete."""
        self._request += bytes(content)
        if not self._request.endswith(b"\r\n\r\n") or self._is_closed:
            return
        path = self._request.split(b" ", 2)[1].decode()
        self._request = b""
        answer = self._play(self._number, path)
        starts = range(0, len(answer.content), _PART_BYTES)
        self._unread += [answer.content[start : start + _PART_BYTES] for start in starts]
        is_waited_for, self._turns = self._turns > 0, 0 if answer.closes else _TURNS
        if not is_waited_for:
            self._turns += 1
            self._loop.call_soon(self._turn)

    def writelines(self, parts: Any) -> None:
        """Take several parts."""
        self.write(b"".join(parts))

    def _turn(self) -> None:
        """Pass on a part of what the node has sent; when all is read, hang up some turns later."""
        if self._is_closed:
            return
        if self._unread and not self._is_paused:
            self._protocol.data_received(self._unread.pop(0))
        else:
            self._turns -= 1
        if self._turns > 0:
            self._loop.call_soon(self._turn)
        else:
            self.abort()

    def pause_reading(self) -> None:
        """Pass nothing on for now."""
        self._is_paused = True

    def resume_reading(self) -> None:
        """Pass on what is left."""
        self._is_paused = False

    def is_closing(self) -> bool:
        """Return whether it is closed."""
        return self._is_closed

    def close(self) -> None:
        """Close it."""
        self.abort()

    def abort(self) -> None:
        """Close it at once."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.call_soon(self._protocol.connection_lost, None)


@contextlib.asynccontextmanager
async def open_prober(play: Play) -> AsyncIterator[Prober]:
    """Open a prober whose session connects to nodes in memory, each by the number in its host."""
    policy, resolver = AddressPolicy.of((), ()), Resolver(("127.0.0.1:9",))

    async def connect(
        request: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109
    ) -> ResponseHandler:
        trace = TRACE.get()
        if not trace.may_dial:
            raise ConnectionResetError(errno.ECONNRESET, "connection closed before the answer")
        trace.dialling("127.0.0.1")
        protocol = BoundedHttp(asyncio.get_running_loop())
        transport = MemoryTransport(protocol, play, number_of(str(request.url.host)))
        protocol.connection_made(transport)
        return protocol

    try:
        async with open_session(resolver, policy, ssl.create_default_context(), 8) as session:
            setattr(session.connector, "_create_connection", connect)  # noqa: B010
            yield Prober(session, resolver, policy, LIMITS)
    finally:
        await resolver.close()
