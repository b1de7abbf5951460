"""Nodes that say exactly what a test wants, byte by byte, beyond what the simulator plays."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from crn_simulator.authority import Authority
from crn_simulator.behaviour import Behaviour
from crn_simulator.door import bind
from crn_simulator.http import Request
from crn_simulator.misbehave import Reply, RoundTiming
from crn_simulator.wire import Wire

ADDRESS = "127.64.7.7"


def answer(
    body: bytes | str = b"{}", status: str = "200 OK", *headers: str, length: int | None = None
) -> bytes:
    """A complete answer with these headers besides its length."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", *headers]
    lines.append(f"Content-Length: {len(raw) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


@dataclass
class Lines:
    """A voice that reads its answers from a table by path; 404 where there is none."""

    table: Mapping[str, bytes]

    def become(self, behaviour: Behaviour) -> None:
        """It has no behaviour."""

    def rename(self, name: str) -> None:
        """It knows no name."""

    def thinks(self, path: str) -> float:
        """It does not."""
        return 0.0

    def right(self, request: Request) -> bytes:
        """What the table says."""
        return self.table.get(request.path, answer("nothing here", "404 Not Found"))

    def wrong(self, request: Request, pace: RoundTiming) -> bytes | Reply:
        """The same."""
        return self.right(request)


@dataclass
class Raw:
    """A server that hands every connection to a coroutine, and what it has seen."""

    url: str = ""
    connections: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """A connection has come to its end, whoever ended it."""


@contextlib.asynccontextmanager
async def raw_server(
    authority: Authority, play: Callable[[Wire], Awaitable[None]]
) -> AsyncIterator[Raw]:
    """A TLS server; `play` may send for ever, it ends with the connection."""
    loop = asyncio.get_running_loop()
    raw = Raw()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(sock: socket.socket) -> None:
        wire = Wire(sock, loop)
        try:
            await wire.start_tls(authority.context((ADDRESS,)))
            await play(wire)
        except OSError:
            pass
        finally:
            wire.reset()
            raw.ended.set()

    async def accept() -> None:
        while True:
            sock, _ = await loop.sock_accept(listener)
            sock.setblocking(False)
            raw.connections += 1
            tasks.add(loop.create_task(serve(sock)))

    with bind(ADDRESS, 0) as listener:
        listener.listen()
        raw.url = f"https://{ADDRESS}:{listener.getsockname()[1]}"
        tasks.add(loop.create_task(accept()))
        try:
            yield raw
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
