"""Nodes that send too much, in every shape, cost little and are told from those that do not."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bench.usage import memory_growth
from collector.model.failure import Failure
from collector.probe.visit import VisitLimits
from crn_simulator.script.fault import Fault
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.connection import Connection
from crn_simulator.server.host import Host, HostAddress
from tests.support.probe_bed import CONFIG, USAGE, Bed, open_bed
from tests.support.tls_servers import ADDRESS, Lines, answer, raw_server

pytestmark = pytest.mark.slow

LIMITS = VisitLimits(timeout_seconds=2.0, body_bytes=64 * 1024)
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
_EMPTY_MEMBERS = (gzip.compress(b"") * 1000)[:0x4000]
TOO_LARGE, BROKEN = {Failure.ANSWER_TOO_LARGE}, {Failure.ANSWER_BROKEN}
EITHER = TOO_LARGE | BROKEN
"""By chance: the parser objects, or the allowance is exceeded before."""


@dataclass(frozen=True)
class Flood:
    """What is sent to a request: first this, then that without end."""

    head: bytes
    block: bytes
    failures: set[Failure]
    detail: str = ""
    """Part of the detail that the operator reads."""


FLOODS = {
    "body": Flood(
        _CHUNKED, b"4000\r\n" + b" " * 0x4000 + b"\r\n", TOO_LARGE, "more than 65536 bytes"
    ),
    "body-until-close": Flood(
        b"HTTP/1.1 200 OK\r\n\r\n", b" " * 0x4000, TOO_LARGE, "more than 65536 bytes"
    ),
    "headers": Flood(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 2000, EITHER),
    "one-header": Flood(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 0x4000, BROKEN),
    "garbage": Flood(b"", b"\0garbage" * 2000, BROKEN),
    "status": Flood(b"HTTP/1.1 ", b"2" * 0x4000, BROKEN),
    "blank-lines": Flood(b"", b"\r\n" * 8000, TOO_LARGE, "more than 4096 lines"),
    "continue": Flood(
        b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50, TOO_LARGE, "more than 8 interim answers"
    ),
    "early-hints": Flood(
        b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 50, TOO_LARGE, "8 interim answers"
    ),
    "one-byte-chunks": Flood(_CHUNKED, b"1\r\n \r\n" * 3000, TOO_LARGE, "4096 lines and chunks"),
    "bare-line-feeds": Flood(_CHUNKED, b"1\n \n" * 4000, BROKEN, "chunk size"),
    "chunk-extension": Flood(_CHUNKED + b"1;", b"a" * 0x4000, TOO_LARGE, "in a visit"),
    "chunk-extensions": Flood(
        _CHUNKED, (b"1;" + b"a" * 2000 + b"\r\n \r\n") * 8, TOO_LARGE, "in a visit"
    ),
    "trailers": Flood(_CHUNKED + b"0\r\n", b"X-A: b\r\n" * 2000, EITHER),
    "packed-nothing": Flood(_GZIP, b"4000\r\n" + _EMPTY_MEMBERS + b"\r\n", TOO_LARGE),
    "other-protocol": Flood(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"a" * 0x4000,
        BROKEN,
    ),
    "after-close": Flood(
        answer("{}", "404 Not Found", "Connection: close"),
        b"a" * 0x4000,
        EITHER | {Failure.CLIENT_ERROR},
    ),
    "further-answers": Flood(
        b"", answer("{}", "404 Not Found") * 50, EITHER | {Failure.CLIENT_ERROR}
    ),
}


async def _flood(block: bytes, connection: Connection) -> None:
    while True:
        await connection.send(block)


@pytest.mark.parametrize("flood", [pytest.param(FLOODS[name], id=name) for name in FLOODS])
@pytest.mark.parametrize("is_plain", [False, True], ids=["tls", "plain"])
async def test_a_flood_ends_at_once(
    context: ssl.SSLContext, authority: Authority, flood: Flood, is_plain: bool
) -> None:
    """What a node sends without end is neither kept nor read on, and it is told as such.

    (Under uvloop a polite close went on reading.)
    """

    async def play(connection: Connection) -> None:
        if await connection.read_request_head():
            await connection.send(flood.head)
            await _flood(flood.block, connection)

    growth_bytes = memory_growth()
    async with (
        raw_server(None if is_plain else authority, play) as raw,
        open_bed(context, limits=LIMITS) as bed,
    ):
        observation = await bed.look(raw.url)
        async with asyncio.timeout(1.0):
            await raw.ended.wait()
        grown = growth_bytes()
    assert observation.probes[0].failure in flood.failures
    assert flood.detail in observation.probes[0].detail
    assert grown < 60 * 1024 * 1024


async def _send_bytes_apart(connection: Connection) -> None:
    await connection.read_request_head()
    await connection.send(_CHUNKED + b"400\r\n")
    for _ in range(1000):
        await connection.send(b" ")
        await asyncio.sleep(0)
    await connection.wait_closed()


async def test_a_body_in_a_thousand_reads(context: ssl.SSLContext, authority: Authority) -> None:
    """Every byte in a record of its own costs as much as a full one: such a visit is ended."""
    async with (
        raw_server(authority, _send_bytes_apart) as raw,
        open_bed(context, limits=LIMITS) as bed,
    ):
        observation = await bed.look(raw.url)
    assert [(p.failure, p.detail) for p in observation.probes] == [
        (Failure.ANSWER_TOO_LARGE, "more than 300 small reads")
    ]


async def test_a_flood_of_session_tickets(context: ssl.SSLContext, authority: Authority) -> None:
    """TLS that carries no content is bounded as well."""
    own = authority.context((ADDRESS,))
    own.num_tickets, kept = 5000, own.num_tickets

    async def play(connection: Connection) -> None:
        await connection.wait_closed()

    try:
        async with (
            raw_server(authority, play) as raw,
            open_bed(context, limits=LIMITS) as bed,
        ):
            observation = await bed.look(raw.url)
    finally:
        own.num_tickets = kept
    assert observation.failure in (Failure.ANSWER_TOO_LARGE, Failure.TLS_FAILED)
    assert observation.probes[0].detail == "more than 65536 bytes of TLS besides content"


def test_no_handshake_with_numbers_of_the_server(context: ssl.SSLContext) -> None:
    """Finite-field Diffie-Hellman, whose cost the server chooses, is not offered before TLS 1.3."""
    names = {cipher["name"] for cipher in context.get_ciphers()}
    assert names
    assert not {name for name in names if name.startswith("DHE")}
    assert context.options & ssl.OP_NO_RENEGOTIATION


@pytest.mark.parametrize(
    ("encoding", "body", "failure"),
    [
        pytest.param("gzip", gzip.compress(b"[]"), Failure.WRONG_SHAPE, id="gzip"),
        pytest.param("GZip ", gzip.compress(b"[]"), Failure.WRONG_SHAPE, id="upper-case"),
        pytest.param("deflate", zlib.compress(b"[]"), Failure.WRONG_SHAPE, id="deflate"),
        pytest.param(
            "deflate", zlib.compress(b"[]", wbits=-15), Failure.WRONG_SHAPE, id="headless-deflate"
        ),
        pytest.param("identity", b"[]", Failure.WRONG_SHAPE, id="identity"),
        pytest.param("gzip", b"", Failure.NOT_JSON, id="nothing"),
        pytest.param("gzip", b"[]", Failure.ANSWER_BROKEN, id="not-packed"),
        pytest.param("gzip", gzip.compress(b"[]")[:-4], Failure.ANSWER_BROKEN, id="cut-off"),
        pytest.param(
            "gzip", gzip.compress(b"[]") + b"more", Failure.ANSWER_BROKEN, id="something-after"
        ),
        pytest.param(
            "gzip, gzip",
            gzip.compress(gzip.compress(b"[]")),
            Failure.ANSWER_BROKEN,
            id="packed-twice",
        ),
        pytest.param("br", b"\x0b\x00\x80[]\x03", Failure.ANSWER_BROKEN, id="not-asked-for"),
        pytest.param(
            "gzip", gzip.compress(b" " * 65_537), Failure.ANSWER_TOO_LARGE, id="gzip-bomb"
        ),
        pytest.param(
            "deflate", zlib.compress(b" " * 65_537), Failure.ANSWER_TOO_LARGE, id="deflate-bomb"
        ),
    ],
)
async def test_encodings(
    context: ssl.SSLContext, authority: Authority, encoding: str, body: bytes, failure: Failure
) -> None:
    """A body is unpacked up to the limit, if it is one stream of an encoding that was asked for."""
    packed = answer(body, "200 OK", f"Content-Encoding: {encoding}")
    table = {CONFIG: packed, USAGE: packed}
    async with (
        Host(authority=authority, responder=Lines(table)) as host,
        open_bed(context, limits=LIMITS) as bed,
    ):
        bed.know(host)
        observation = await bed.look(host)
        assert host.traffic.last_requests[0].headers["accept-encoding"] == "gzip, deflate"
    assert [probe.failure for probe in observation.probes] == [failure] * 2


@contextlib.asynccontextmanager
async def open_nodes(
    bed: Bed, fault: Fault, count: int, authority: Authority
) -> AsyncIterator[list[Host]]:
    """Nodes with a fault, which the bed knows."""
    async with contextlib.AsyncExitStack() as stack:
        hosts = []
        for i in range(count):
            address = HostAddress(f"n{i}.simulated.test", certificate_names=("*.simulated.test",))
            host = Host(NodeSpec(fault=fault), authority=authority, address=address)
            hosts.append(await stack.enter_async_context(host))
            bed.know(host)
        yield hosts


async def test_bombs_take_no_memory(context: ssl.SSLContext, authority: Authority) -> None:
    """Ten nodes that send 60 MiB packed into 60 KiB cost less than half of one unpacked."""
    async with (
        open_bed(context) as bed,
        open_nodes(bed, Fault.GZIP_BOMB, 10, authority) as hosts,
    ):
        await bed.look(hosts[0])  # the bomb itself is made once
        await bed.look(hosts[0])  # the bomb is made now
        growth_bytes = memory_growth()
        seen = await asyncio.gather(*map(bed.look, hosts))
        grown = growth_bytes()
    assert {observation.failure for observation in seen} == {Failure.ANSWER_TOO_LARGE}
    assert grown < 25 * 1024 * 1024


async def test_a_flood_starves_nobody(context: ssl.SSLContext, authority: Authority) -> None:
    """Beside nodes that send without end, a healthy one is seen as it is, in its usual time."""
    async with (
        open_bed(context) as bed,
        open_nodes(bed, Fault.ENDLESS_BODY, 8, authority) as hosts,
        Host(authority=authority) as healthy,
    ):
        bed.know(healthy)
        floods = asyncio.gather(*map(bed.look, hosts))
        observation = await bed.look(healthy)
        assert {o.failure for o in await floods} == {Failure.ANSWER_TOO_LARGE}
        assert observation.reachable
