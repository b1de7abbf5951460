"""Faults of a connection: before and during the TLS handshake, and instead of a response.

A function here returns when the connection cannot be used further, or when the peer has closed.
"""

import asyncio
import functools
import gzip
import struct
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crn_simulator.script.fault import Fault
from crn_simulator.server.connection import Connection
from crn_simulator.server.http import HttpResponse, response_head

_ALERT_HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"
_NOT_TLS = b"SSH-2.0-OpenSSH_9.6\r\n" + bytes(range(128, 160)) * 4
_PLAIN_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 48\r\nConnection: close\r\n\r\n"
    b"The plain HTTP request was sent to an HTTPS port"
)
_ENDLESS_RECORD = b"\x16\x03\x03\x40\x00" + bytes(16384)
"""A record of a handshake, as long as one may be."""
_NOT_HTTP = b"\x00\x01\x02 220 mail.example.org ESMTP ready\r\n" * 8
_BOMB_MIB = 60
_BLOCK = b" " * 16384
_HELD_BYTES = 60 * 1024
_INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" * 600
_CHUNKS = b"1\r\n \r\n" * 2600
_HUGE_LINE = b"X-Padding: " + b"a" * 65536 + b"\r\n"


@dataclass(frozen=True, slots=True)
class FaultDelays:
    """Delays of the slow faults, in seconds.

    accept_seconds: before the handshake of `SLOW_ACCEPT`.
    answer_seconds: before the response of `SLOW_ANSWER`.
    drip_seconds: between two bytes of `SLOW_DRIP`, `HEADER_DRIP` and `TLS_DRIP`, which have 4096 of
        them and more.
    """

    accept_seconds: float = 0.1
    answer_seconds: float = 0.1
    drip_seconds: float = 0.05


@dataclass(frozen=True, slots=True)
class IntendedResponse:
    """The response of a host if nothing were wrong, for a fault to spoil on the connection.

    servers: its `Server` headers, in order.
    """

    response: HttpResponse
    servers: tuple[str, ...]
    delays: FaultDelays

    def head(self, length: int | None = -1) -> bytes:
        """Return its head; `length` as `response_head` takes it."""
        return response_head(self.response, self.servers, close=False, length=length)


async def play_before_tls(fault: Fault, connection: Connection, delays: FaultDelays) -> bool:
    """Play a fault on a new connection; return False when it cannot be used further."""
    if fault is Fault.SLOW_ACCEPT:
        await asyncio.sleep(delays.accept_seconds)
    elif fault is Fault.RESET_ON_CONNECT:
        connection.reset()
    elif fault is Fault.TLS_DRIP and await connection.receive():
        await _send_slowly(_ENDLESS_RECORD, connection, delays)
        return False
    elif fault in _INSTEAD_OF_TLS and await connection.receive():
        await _INSTEAD_OF_TLS[fault](connection)
    return fault not in _INSTEAD_OF_TLS and fault not in _ENDED_ON_CONNECT


async def play_instead_of_response(
    fault: Fault, connection: Connection, intended: IntendedResponse
) -> None:
    """Play a fault on a request."""
    await _INSTEAD_OF_RESPONSE[fault](connection, intended)


async def _send_and_wait(content: bytes, connection: Connection) -> None:
    await connection.send(content)
    await connection.wait_closed()


async def _close(connection: Connection) -> None:
    connection.close()


async def _reset(connection: Connection) -> None:
    connection.reset()


async def _wait(connection: Connection) -> None:
    await connection.wait_closed()


async def _hang_before_headers(connection: Connection, intended: IntendedResponse) -> None:
    await connection.wait_closed()


async def _hang_in_headers(connection: Connection, intended: IntendedResponse) -> None:
    await connection.send(intended.head()[:-10])
    await connection.wait_closed()


async def _hang_after_headers(connection: Connection, intended: IntendedResponse) -> None:
    await connection.send(intended.head(length=4096))
    await connection.wait_closed()


async def _hang_in_body(connection: Connection, intended: IntendedResponse) -> None:
    await connection.send(intended.head(length=_HELD_BYTES + 1) + b" " * _HELD_BYTES)
    await connection.wait_closed()


async def _send_slowly(content: bytes, connection: Connection, delays: FaultDelays) -> None:
    for byte in content:
        await connection.send(bytes((byte,)))
        await asyncio.sleep(delays.drip_seconds)


async def _drip(connection: Connection, intended: IntendedResponse) -> None:
    body = intended.response.body.ljust(4096)
    await connection.send(intended.head(length=len(body)))
    await _send_slowly(body, connection, intended.delays)


async def _drip_headers(connection: Connection, intended: IntendedResponse) -> None:
    head = intended.head()[:-2] + b"X-Padding: " + b"a" * 4096
    await _send_slowly(head, connection, intended.delays)


async def _reset_after_request(connection: Connection, intended: IntendedResponse) -> None:
    connection.reset()


async def _close_after_request(connection: Connection, intended: IntendedResponse) -> None:
    connection.close()


async def _cut_off(connection: Connection, intended: IntendedResponse) -> None:
    body = intended.response.body
    await connection.send(intended.head(length=len(body) + 1000))
    await connection.send(body)
    connection.close()


async def _not_http(connection: Connection, intended: IntendedResponse) -> None:
    await connection.send(_NOT_HTTP)
    connection.close()


async def _huge_headers(connection: Connection, intended: IntendedResponse) -> None:
    first, _, rest = intended.head().partition(b"\r\n")
    await connection.send(first + b"\r\n" + _HUGE_LINE + rest + intended.response.body)
    await connection.wait_closed()


async def _bad_encoding(connection: Connection, intended: IntendedResponse) -> None:
    body = HttpResponse(200, b"this was never compressed", headers=(("Content-Encoding", "gzip"),))
    await connection.send(response_head(body, intended.servers, close=False) + body.body)
    await connection.wait_closed()


async def _endless_body(connection: Connection, intended: IntendedResponse) -> None:
    chunk = b"%x\r\n%b\r\n" % (len(_BLOCK), _BLOCK)
    await connection.send(intended.head(length=None))
    while True:
        await connection.send(chunk)


async def _interim_flood(connection: Connection, intended: IntendedResponse) -> None:
    while True:
        await connection.send(_INTERIM)


async def _chunk_flood(connection: Connection, intended: IntendedResponse) -> None:
    await connection.send(intended.head(length=None))
    while True:
        await connection.send(_CHUNKS)


async def _gzip_bomb(connection: Connection, intended: IntendedResponse) -> None:
    bomb = HttpResponse(200, _bomb(), headers=(("Content-Encoding", "gzip"),))
    await connection.send(response_head(bomb, intended.servers, close=False) + bomb.body)
    await connection.wait_closed()


@functools.cache
def _bomb() -> bytes:
    """Return 60 MiB of blanks compressed to 60 KiB: a MiB, which is compressed once, 60 times."""
    blanks = b" " * 1024 * 1024
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    packed = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(_BOMB_MIB):
        checksum = zlib.crc32(blanks, checksum)
    head = gzip.compress(b"", mtime=0)[:10]
    end = packer.flush() + struct.pack("<II", checksum, _BOMB_MIB * len(blanks))
    return head + packed * _BOMB_MIB + end


_ResponseFault = Callable[[Connection, IntendedResponse], Awaitable[None]]
_ENDED_ON_CONNECT = frozenset({Fault.RESET_ON_CONNECT, Fault.CLOSE_ON_CONNECT})
_INSTEAD_OF_TLS: Mapping[Fault, Callable[[Connection], Awaitable[None]]] = MappingProxyType(
    {
        Fault.SILENT_IN_TLS: _wait,
        Fault.RESET_IN_TLS: _reset,
        Fault.CLOSE_IN_TLS: _close,
        Fault.TLS_GARBAGE: functools.partial(_send_and_wait, _NOT_TLS),
        Fault.TLS_ALERT: functools.partial(_send_and_wait, _ALERT_HANDSHAKE_FAILURE),
        Fault.PLAIN_ON_TLS: functools.partial(_send_and_wait, _PLAIN_ANSWER),
    }
)
_INSTEAD_OF_RESPONSE: Mapping[Fault, _ResponseFault] = MappingProxyType(
    {
        Fault.HANG_BEFORE_HEADERS: _hang_before_headers,
        Fault.HANG_IN_HEADERS: _hang_in_headers,
        Fault.HANG_AFTER_HEADERS: _hang_after_headers,
        Fault.HANG_IN_BODY: _hang_in_body,
        Fault.SLOW_DRIP: _drip,
        Fault.HEADER_DRIP: _drip_headers,
        Fault.RESET_AFTER_REQUEST: _reset_after_request,
        Fault.CLOSE_AFTER_REQUEST: _close_after_request,
        Fault.CUT_OFF: _cut_off,
        Fault.HTTP_GARBAGE: _not_http,
        Fault.HUGE_HEADERS: _huge_headers,
        Fault.BAD_ENCODING: _bad_encoding,
        Fault.ENDLESS_BODY: _endless_body,
        Fault.GZIP_BOMB: _gzip_bomb,
        Fault.INTERIM_FLOOD: _interim_flood,
        Fault.CHUNK_FLOOD: _chunk_flood,
    }
)
