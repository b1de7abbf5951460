"""A faulty proxy: does to a write, on request, what no server should."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Fault(Enum):
    """What is done to one write in place of passing it on."""

    HANG = "hang"
    """Takes the request and never responds."""
    RESET = "reset"
    """Resets the connection after part of the body."""
    RESET_AFTER = "reset after"
    """Passes the write on, and resets the connection instead of responding."""
    HALF = "half"
    """Passes the write on, and sends the first half of the response."""
    GARBAGE = "garbage"
    """Responds with something that is not HTTP."""


@dataclass(frozen=True)
class Response:
    """A response that the server never gave."""

    status: int
    body: str = "sent by the proxy"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TooLarge:
    """Resets or refuses writes above so many bytes, for as long as it is in place."""

    bytes: int
    reset: bool = False


Step = Fault | Response | None


class Proxy:
    """Passes requests on to a server, but for the faults that are set."""

    def __init__(self, url: str) -> None:
        self._upstream = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.next_writes: deque[Step] = deque()
        """What is done to the next writes, one after another; None passes one on."""
        self.always: Step = None
        """What is done to every write when `next_writes` is empty."""
        self.limit: TooLarge | None = None
        self.writes: list[int] = []
        """Bytes of the body of each write that came, gzipped."""
        self._written = asyncio.Event()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def after(self, writes: int) -> None:
        """Wait until so many writes came."""
        while len(self.writes) < writes:
            self._written.clear()
            await self._written.wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request per connection; the response says that it is closed."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        is_write = b"write?" in head.split(b"\r\n")[0]
        step = self._step(length) if is_write else None
        if step is Fault.RESET:
            await reader.readexactly(min(length, 1024))
            return
        body = await reader.readexactly(length)
        match step:
            case Fault.HANG:
                await asyncio.Event().wait()
            case Fault.GARBAGE:
                writer.write(b"what is this?\r\n\r\n")
            case Response(status, text, headers):
                lines = [f"HTTP/1.1 {status} Proxy", f"Content-Length: {len(text)}"]
                lines += ["Connection: close", *(f"{k}: {v}" for k, v in headers.items())]
                writer.write("\r\n".join([*lines, "", text]).encode())
            case Fault.RESET_AFTER:
                await self._pass_on(head, body)
                return
            case Fault.HALF:
                response = await self._pass_on(head, body)
                writer.write(response[: len(response) // 2])
            case _:
                writer.write(await self._pass_on(head, body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def _step(self, length: int) -> Step:
        self.writes.append(length)
        self._written.set()
        if self.limit and length > self.limit.bytes:
            return Fault.RESET if self.limit.reset else Response(413, "too large")
        return self.next_writes.popleft() if self.next_writes else self.always

    async def _pass_on(self, head: bytes, body: bytes) -> bytes:
        """Return the server's whole response."""
        host, port = self._upstream.hostname, self._upstream.port
        reader, writer = await asyncio.open_connection(host, port)
        try:
            first, _, rest = head.partition(b"\r\n")
            writer.write(first + b"\r\nConnection: close\r\n" + rest + body)
            response = await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        return response
