"""What a host does wrong on the wire, before, during and after the handshake.

A function here returns when the connection is of no more use, or when the peer has gone.
"""

import asyncio
import functools
import gzip
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crn_simulator.answer import Answer
from crn_simulator.fault import Fault
from crn_simulator.http import head
from crn_simulator.wire import Wire

_ALERT_HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"
_NOT_TLS = b"SSH-2.0-OpenSSH_9.6\r\n" + bytes(range(128, 160)) * 4
_PLAIN_ANSWER = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 48\r\nConnection: close\r\n\r\n"
    b"The plain HTTP request was sent to an HTTPS port"
)
_NOT_HTTP = b"\x00\x01\x02 220 mail.example.org ESMTP ready\r\n" * 8
_BOMB_BYTES = 256 * 1024 * 1024
_BLOCK = b" " * 16384
_HUGE_LINE = b"X-Padding: " + b"a" * 65536 + b"\r\n"


@dataclass(frozen=True, slots=True)
class RoundTiming:
    """How long what is slow takes, in seconds.

    accept: before the handshake of `SLOW_ACCEPT`. answer: before the answer of `SLOW_ANSWER`.
    drip: between two bytes of `SLOW_DRIP`, which has 4096 of them.
    """

    accept: float = 0.1
    answer: float = 0.1
    drip: float = 0.05


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer that a host would give if nothing were wrong, with its `Server` headers."""

    answer: Answer
    servers: tuple[str, ...]
    pace: RoundTiming


async def before_tls(fault: Fault, wire: Wire, pace: RoundTiming) -> bool:
    """Misbehave on a new connection; False when there is nothing more to do on it."""
    if fault is Fault.SLOW_ACCEPT:
        await asyncio.sleep(pace.accept)
    elif fault is Fault.RESET_ON_CONNECT:
        wire.reset()
    elif fault in _INSTEAD_OF_TLS and await wire.receive():
        await _INSTEAD_OF_TLS[fault](wire)
    return fault not in _INSTEAD_OF_TLS and fault not in _UNSEEN


async def instead_of_answer(fault: Fault, wire: Wire, reply: Reply) -> None:
    """Misbehave on a request."""
    await _INSTEAD_OF_ANSWER[fault](wire, reply)


async def _say(words: bytes, wire: Wire) -> None:
    await wire.send(words)
    await wire.gone()


async def _leave(wire: Wire) -> None:
    wire.close()


async def _reset(wire: Wire) -> None:
    wire.reset()


async def _silence(wire: Wire) -> None:
    await wire.gone()


async def _hang_before_headers(wire: Wire, reply: Reply) -> None:
    await wire.gone()


async def _hang_in_headers(wire: Wire, reply: Reply) -> None:
    await wire.send(head(reply.answer, reply.servers, close=False)[:-10])
    await wire.gone()


async def _hang_after_headers(wire: Wire, reply: Reply) -> None:
    await wire.send(head(reply.answer, reply.servers, close=False, length=4096))
    await wire.gone()


async def _drip(wire: Wire, reply: Reply) -> None:
    body = reply.answer.body.ljust(4096)
    await wire.send(head(reply.answer, reply.servers, close=False, length=len(body)))
    for byte in body:
        await wire.send(bytes((byte,)))
        await asyncio.sleep(reply.pace.drip)


async def _reset_after_request(wire: Wire, reply: Reply) -> None:
    wire.reset()


async def _close_after_request(wire: Wire, reply: Reply) -> None:
    wire.close()


async def _cut_off(wire: Wire, reply: Reply) -> None:
    body = reply.answer.body
    await wire.send(head(reply.answer, reply.servers, close=False, length=len(body) + 1000))
    await wire.send(body)
    wire.close()


async def _not_http(wire: Wire, reply: Reply) -> None:
    await wire.send(_NOT_HTTP)
    wire.close()


async def _huge_headers(wire: Wire, reply: Reply) -> None:
    first, _, rest = head(reply.answer, reply.servers, close=False).partition(b"\r\n")
    await wire.send(first + b"\r\n" + _HUGE_LINE + rest + reply.answer.body)
    await wire.gone()


async def _bad_encoding(wire: Wire, reply: Reply) -> None:
    body = Answer(200, b"this was never compressed", headers=(("Content-Encoding", "gzip"),))
    await wire.send(head(body, reply.servers, close=False) + body.body)
    await wire.gone()


async def _endless_body(wire: Wire, reply: Reply) -> None:
    chunk = b"%x\r\n%b\r\n" % (len(_BLOCK), _BLOCK)
    await wire.send(head(reply.answer, reply.servers, close=False, length=None))
    while True:
        await wire.send(chunk)


async def _gzip_bomb(wire: Wire, reply: Reply) -> None:
    bomb = Answer(200, _bomb(), headers=(("Content-Encoding", "gzip"),))
    await wire.send(head(bomb, reply.servers, close=False) + bomb.body)
    await wire.gone()


@functools.cache
def _bomb() -> bytes:
    """256 MiB of blanks in 256 KiB: gzip members may follow one another."""
    return gzip.compress(b" " * (_BOMB_BYTES // 64), mtime=0) * 64


_UNSEEN = frozenset({Fault.RESET_ON_CONNECT, Fault.CLOSE_ON_CONNECT})
_INSTEAD_OF_TLS: Mapping[Fault, Callable[[Wire], Awaitable[None]]] = MappingProxyType(
    {
        Fault.SILENT_IN_TLS: _silence,
        Fault.RESET_IN_TLS: _reset,
        Fault.CLOSE_IN_TLS: _leave,
        Fault.TLS_GARBAGE: functools.partial(_say, _NOT_TLS),
        Fault.TLS_ALERT: functools.partial(_say, _ALERT_HANDSHAKE_FAILURE),
        Fault.PLAIN_ON_TLS: functools.partial(_say, _PLAIN_ANSWER),
    }
)
_INSTEAD_OF_ANSWER: Mapping[Fault, Callable[[Wire, Reply], Awaitable[None]]] = MappingProxyType(
    {
        Fault.HANG_BEFORE_HEADERS: _hang_before_headers,
        Fault.HANG_IN_HEADERS: _hang_in_headers,
        Fault.HANG_AFTER_HEADERS: _hang_after_headers,
        Fault.SLOW_DRIP: _drip,
        Fault.RESET_AFTER_REQUEST: _reset_after_request,
        Fault.CLOSE_AFTER_REQUEST: _close_after_request,
        Fault.CUT_OFF: _cut_off,
        Fault.HTTP_GARBAGE: _not_http,
        Fault.HUGE_HEADERS: _huge_headers,
        Fault.BAD_ENCODING: _bad_encoding,
        Fault.ENDLESS_BODY: _endless_body,
        Fault.GZIP_BOMB: _gzip_bomb,
    }
)
