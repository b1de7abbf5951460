"""One accepted connection, at the level where a server can still misbehave.

It works on a non-blocking socket and not on a transport: resetting, staying silent inside a
handshake or sending half a header must be possible, and a transport is too polite for that.
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


class Wire:
    """A connection of which the server owns every byte.

    Reads answer `b""` at the end of the stream, whether it was closed or reset. Writes to a peer
    that has gone raise `ConnectionError`.
    """

    __slots__ = ("_buffer", "_loop", "_socket")

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = sock
        self._loop = loop
        self._buffer = b""

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Do the server's half of the handshake; `OSError` when it does not succeed."""
        secured = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
        self._socket = secured
        await self._retry(secured.do_handshake)

    async def receive(self) -> bytes:
        """The next bytes from the peer."""
        try:
            return await self._retry(lambda: self._socket.recv(_CHUNK))
        except OSError:
            return b""

    async def request_head(self) -> bytes:
        """The next request line and headers, without the blank line; `b""` at the end."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            received = await self.receive()
            if not received or len(self._buffer) > _HEAD_LIMIT:
                return b""
            self._buffer += received
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        return head

    async def send(self, content: bytes) -> None:
        """Send everything; `ConnectionError` when the peer has gone."""
        rest = memoryview(content)
        while rest:
            rest = rest[await self._send_some(rest) :]

    async def gone(self) -> None:
        """Wait until the peer closes, reading and dropping what it sends."""
        while await self.receive():
            pass

    def reset(self) -> None:
        """Close with a TCP reset."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._socket.close()

    def close(self) -> None:
        """Close as a well-behaved server does: TLS first, then TCP."""
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
                await self._ready(writing=writing)
            except ssl.SSLWantReadError:
                await self._ready(writing=False)
            except ssl.SSLWantWriteError:
                await self._ready(writing=True)

    async def _ready(self, *, writing: bool) -> None:
        number = self._socket.fileno()
        turn: asyncio.Future[None] = self._loop.create_future()
        if writing:
            self._loop.add_writer(number, _wake, turn)
        else:
            self._loop.add_reader(number, _wake, turn)
        try:
            await turn
        finally:
            if writing:
                self._loop.remove_writer(number)
            else:
                self._loop.remove_reader(number)


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
