"""One accepted connection, at a level that allows every protocol error.

It works on a non-blocking socket and not on an asyncio transport, which cannot reset, stall inside
a handshake or send half a header.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from typing import TypeVar

_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)
_HEAD_LIMIT = 65536

T = TypeVar("T")


class Connection:
    """A connection, with or without TLS, whose every byte the server decides.

    Reads return `b""` at the end of the stream, whether it was closed or reset. Writes raise
    `ConnectionError` when the peer has closed.
    """

    __slots__ = ("_buffer", "_loop", "_socket")

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = sock
        self._loop = loop
        self._buffer = b""

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Complete the TLS handshake as the server; raise `OSError` if it fails."""
        secured = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
        self._socket = secured
        await self._retry(secured.do_handshake)

    async def receive(self) -> bytes:
        """Return the next bytes from the peer; `b""` at the end."""
        try:
            return await self._retry(lambda: self._socket.recv(_CHUNK))
        except OSError:
            return b""

    async def read_request_head(self) -> bytes:
        """Return the next request line and headers, without the blank line; `b""` at the end."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            received = await self.receive()
            if not received or len(self._buffer) > _HEAD_LIMIT:
                return b""
            self._buffer += received
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        return head

    async def send(self, content: bytes) -> None:
        """Send everything; raise `ConnectionError` when the peer has closed."""
        rest = memoryview(content)
        while rest:
            rest = rest[await self._send_some(rest) :]

    async def wait_closed(self) -> None:
        """Wait until the peer closes; what it sends is dropped."""
        while await self.receive():
            pass

    def reset(self) -> None:
        """Close with a TCP reset."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._socket.close()

    def close(self) -> None:
        """Close TLS, then TCP."""
        if isinstance(self._socket, ssl.SSLSocket):
            with contextlib.suppress(OSError, ValueError):
                self._socket.unwrap()
        self._socket.close()

    async def _send_some(self, rest: memoryview) -> int:
        try:
            return await self._retry(lambda: self._socket.send(rest), writing=True)
        except OSError as error:
            raise ConnectionResetError(*error.args) from error

    async def _retry(self, operation: Callable[[], T], *, writing: bool = False) -> T:
        while True:
            try:
                return operation()
            except BlockingIOError:
                await self._wait_ready(writing=writing)
            except ssl.SSLWantReadError:
                await self._wait_ready(writing=False)
            except ssl.SSLWantWriteError:
                await self._wait_ready(writing=True)

    async def _wait_ready(self, *, writing: bool) -> None:
        number = self._socket.fileno()
        ready: asyncio.Future[None] = self._loop.create_future()
        if writing:
            self._loop.add_writer(number, _wake, ready)
        else:
            self._loop.add_reader(number, _wake, ready)
        try:
            await ready
        finally:
            if writing:
                self._loop.remove_writer(number)
            else:
                self._loop.remove_reader(number)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
