"""API hosts, fake and real, good and bad."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import json
import logging
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from collector.directory.aggregate import CORECHANNEL
from collector.directory.source import Source, SourceError
from tests.support.api_hosts import HOSTS, Api, Serve
from tests.support.directory_fakes import corechannel, digest, entry, nodes

ONE, TWO, THREE = HOSTS


async def test_first_good_answer_wins(api: Api, session: aiohttp.ClientSession) -> None:
    """The first host is asked and, when its answer is good, no other."""
    api.answer(ONE, nodes(3))
    answer = await Source(session, HOSTS).fetch(CORECHANNEL)
    assert (answer.host, bytes(answer.body), len(answer.value.nodes)) == (ONE, nodes(3), 3)
    assert api.asked() == {ONE: 1}


async def test_host_that_answered_is_asked_first(api: Api, session: aiohttp.ClientSession) -> None:
    """After a failover the host that answered is asked first."""
    api.answer(ONE, status=502)
    api.answer(TWO, nodes(3), repeat=True)
    source = Source(session, HOSTS)
    await source.fetch(CORECHANNEL)
    await source.fetch(CORECHANNEL)
    assert api.asked() == {ONE: 1, TWO: 2}


async def test_host_that_was_moved_last_is_asked_last(
    api: Api, session: aiohttp.ClientSession
) -> None:
    """A host whose answer was not accepted is asked after all others."""
    api.answer(ONE, nodes(1))
    api.answer(TWO, status=500)
    api.answer(THREE, nodes(3))
    source = Source(session, HOSTS)
    source.move_last((await source.fetch(CORECHANNEL)).host, CORECHANNEL.key)
    assert (await source.fetch(CORECHANNEL)).host == THREE


@pytest.mark.parametrize(
    ("body", "how", "reason"),
    [
        pytest.param(b"<html>", {}, "not JSON (invalid character (byte 0))", id="html"),
        pytest.param(corechannel(), {}, "not one readable node in "
                     "data.corechannel.resource_nodes", id="no-node"),
        pytest.param(b"{}", {}, "no list data.corechannel.resource_nodes in it", id="object"),
        pytest.param(nodes(2)[:-1], {}, "not JSON (Input data was truncated)",
                     id="truncated"),
        pytest.param(nodes(2), {"status": 404}, "HTTP 404", id="404"),
        pytest.param(b"", {"status": 502}, "HTTP 502", id="502"),
        pytest.param(b"", {"status": 301, "headers": {"Location": "https://x.example.org"}},
                     "HTTP 301 (not followed)", id="redirect"),
        pytest.param(b"", {"exception": aiohttp.ServerDisconnectedError()},
                     "no complete HTTP answer (ServerDisconnectedError)", id="disconnected"),
        pytest.param(b"", {"exception": TimeoutError()}, "no complete answer within 20 s",
                     id="timeout"),
        pytest.param(b"", {"exception": ConnectionResetError(104, "Connection reset by peer")},
                     "[Errno 104] Connection reset by peer", id="reset"),
    ],
)  # fmt: skip
async def test_bad_answer(
    api: Api, session: aiohttp.ClientSession, body: bytes, how: dict[str, Any], reason: str
) -> None:
    """A bad answer sends us to the next host; when all are bad, the error names each reason."""
    for host in (ONE, TWO):
        api.answer(host, body, **how)
    with pytest.raises(SourceError) as caught:
        await Source(session, (ONE, TWO)).fetch(CORECHANNEL)
    assert caught.value.reasons == {ONE: reason, TWO: reason}


async def test_said_once_per_change(
    api: Api, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """A host that stays broken is logged once, and again when the reason changes or it is well."""
    caplog.set_level(logging.INFO)
    for how in ({"status": 502}, {"status": 502}, {"status": 404}, {"body": nodes(1)}):
        api.answer(ONE, **how)
    source = Source(session, (ONE,))
    for _ in range(3):
        with pytest.raises(SourceError):
            await source.fetch(CORECHANNEL)
    await source.fetch(CORECHANNEL)
    assert [record.getMessage() for record in caplog.records] == [
        f"{ONE} did not provide the aggregate corechannel: HTTP 502",
        f"{ONE} did not provide the aggregate corechannel: HTTP 404",
        f"{ONE} provides the aggregate corechannel again",
    ]


async def test_large_list(api: Api, session: aiohttp.ClientSession) -> None:
    """A list far larger than today's is read whole."""
    api.answer(ONE, nodes(10_000))
    answer = await Source(session, (ONE,)).fetch(CORECHANNEL)
    assert len(answer.value.nodes) == 10_000


async def test_real_server_gzip(session: aiohttp.ClientSession, serve: Serve) -> None:
    """A compressed answer of a real server is read, asked with the path that old hosts need."""
    asked = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        body = gzip.compress(nodes(600))
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    answer = await Source(session, (await serve(handler) + "/",)).fetch(CORECHANNEL)
    assert (len(answer.value.nodes), answer.value.nodes[-1].hash) == (600, digest(599))
    assert asked == [
        "/api/v0/aggregates/0xa1B3bb7d2332383D96b7796B908fB7f7F3c2Be10.json"
        "?keys=corechannel&limit=50"
    ]


async def _hang(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def _drip(request: web.Request) -> web.StreamResponse:
    """A good status, a first byte, and then nothing."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"{")
    await asyncio.Event().wait()
    raise AssertionError


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65_536)


async def _bomb(request: web.Request) -> web.Response:
    body = gzip.compress(b" " * 4_000_000)
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


async def _cut(request: web.Request) -> web.StreamResponse:
    """Announces more than it sends."""
    response = web.StreamResponse(headers={"Content-Length": "9999"})
    await response.prepare(request)
    await response.write(nodes(1))
    assert request.transport is not None
    request.transport.abort()
    return response


async def _redirect(request: web.Request) -> web.Response:
    raise web.HTTPFound("http://169.254.169.254/")


async def _garbage(request: web.Request) -> web.Response:
    return web.Response(body=bytes(range(256)) * 64, content_type="application/json")


@pytest.mark.parametrize(
    ("handler", "limit", "reason"),
    [
        pytest.param(_hang, 0.5, "no complete answer within 0.5 s", id="hang"),
        pytest.param(_drip, 0.5, "no complete answer within 0.5 s", id="drip"),
        pytest.param(_endless, 20, "a body of more than 1,000,000 bytes", id="endless"),
        pytest.param(_bomb, 20, "a body of more than 1,000,000 bytes", id="gzip-bomb"),
        pytest.param(_cut, 20, "no complete HTTP answer (ClientPayloadError)", id="cut-off"),
        pytest.param(_redirect, 20, "HTTP 302 (not followed)", id="redirect"),
        pytest.param(_garbage, 20, "not JSON (invalid character (byte 0))", id="garbage"),
    ],
)
async def test_real_server_bad(
    session: aiohttp.ClientSession, serve: Serve, handler: object, limit: float, reason: str
) -> None:
    """Whatever a real host does, it is given up within its limits and the next one is asked."""
    bad = await serve(handler)  # type: ignore[arg-type]

    async def good(request: web.Request) -> web.Response:
        return web.json_response(json.loads(corechannel(entry(1))))

    aggregate = dataclasses.replace(CORECHANNEL, limit_bytes=1_000_000)
    source = Source(session, (bad,), limit)
    with pytest.raises(SourceError) as caught:
        await source.fetch(aggregate)
    assert caught.value.reasons == {bad: reason}
    source = Source(session, (bad, await serve(good)), limit)
    assert len((await source.fetch(aggregate)).value.nodes) == 1


async def test_nothing_listens(session: aiohttp.ClientSession, unused_tcp_port: int) -> None:
    """A refused connection and a host that is no URL are reasons, not errors of ours."""
    refusing = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(SourceError) as caught:
        await Source(session, (refusing, "nonsense")).fetch(CORECHANNEL)
    assert caught.value.reasons[refusing].startswith("cannot connect (")
    assert caught.value.reasons["nonsense"] == "not a URL"
