"""A server that answers every request as a test says, byte by byte, for as long as it says."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

_TLS_RECORD: Final = b"\x16"
"""First byte of a TLS handshake, which servers without TLS answer in HTTP."""


@dataclass
class Scripted:
    """The server, and the requests that came."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    """Of each request, with its query."""
    heads: list[str] = field(default_factory=list)
    """Head of each request."""


Play = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
"""Answers one request; gets its path."""


def response(status: int, body: str = "", *headers: str) -> bytes:
    """Return a whole answer."""
    lines = [f"HTTP/1.1 {status} Scripted", *headers, f"Content-Length: {len(body.encode())}"]
    return "\r\n".join([*lines, "Connection: close", "", body]).encode()


def always(answer: bytes) -> Play:
    """Return what gives the same answer to every request."""

    async def play(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return play


def endless(head: bytes, part: bytes, pause_seconds: float = 0.0) -> Play:
    """Return what sends the head, and then the same part for ever."""

    async def play(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_seconds)

    return play


@contextlib.asynccontextmanager
async def scripted_server(
    play: Play, context: ssl.SSLContext | None = None
) -> AsyncIterator[Scripted]:
    """Yield a server on a free port, of TLS with a context; one request per connection."""
    scripted = Scripted()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                first = await reader.readexactly(1)
                if first == _TLS_RECORD:
                    writer.write(response(400))
                else:
                    head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
                    scripted.heads.append(head)
                    scripted.paths.append(head.split(" ")[1])
                    await play(scripted.paths[-1], writer)
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    scheme = "https" if context else "http"
    scripted.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield scripted
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
