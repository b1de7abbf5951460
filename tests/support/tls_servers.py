"""Nodes that say exactly what a test wants, byte by byte, beyond what the simulator plays."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.connection import Connection
from crn_simulator.server.connection_faults import FaultDelays, IntendedResponse
from crn_simulator.server.http import HttpRequest
from crn_simulator.server.listener import bind

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
    """A responder that takes its responses from a table by path; 404 where there is none."""

    table: Mapping[str, bytes]

    def set_spec(self, spec: NodeSpec) -> None:
        """Do nothing: the table is all that there is."""

    def set_name(self, name: str) -> None:
        """Do nothing: the name shows in no response."""

    def delay_seconds(self, path: str) -> float:
        """Return 0: it responds at once."""
        return 0.0

    def respond(self, request: HttpRequest) -> bytes:
        """Return the table's response."""
        return self.table.get(request.path, answer("nothing here", "404 Not Found"))

    def respond_faulty(self, request: HttpRequest, delays: FaultDelays) -> bytes | IntendedResponse:
        """Return the same."""
        return self.respond(request)


@dataclass
class Raw:
    """A server that hands every connection to a coroutine, and what it has seen."""

    url: str = ""
    connections: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """A connection has come to its end, whoever ended it."""


@contextlib.asynccontextmanager
async def raw_server(
    authority: Authority | None, play: Callable[[Connection], Awaitable[None]]
) -> AsyncIterator[Raw]:
    """A server, of TLS if it has an authority; `play` may send for ever, it ends with the peer."""
    loop = asyncio.get_running_loop()
    raw = Raw()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(sock: socket.socket) -> None:
        connection = Connection(sock, loop)
        try:
            if authority:
                await connection.start_tls(authority.context((ADDRESS,)))
            await play(connection)
        except OSError:
            pass
        finally:
            connection.reset()
            raw.ended.set()

    async def accept() -> None:
        while True:
            sock, _ = await loop.sock_accept(listener)
            sock.setblocking(False)
            raw.connections += 1
            tasks.add(loop.create_task(serve(sock)))

    with bind(ADDRESS, 0) as listener:
        listener.listen()
        raw.url = f"{'https' if authority else 'http'}://{ADDRESS}:{listener.getsockname()[1]}"
        tasks.add(loop.create_task(accept()))
        try:
            yield raw
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
