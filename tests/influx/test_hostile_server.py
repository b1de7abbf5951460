"""Whoever sits at the address of the database, and what it answers."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from collector.errors import DatabaseError
from collector.influx.advice import Advice
from collector.influx.client import open_influxdb
from collector.influx.generation import Generation
from collector.influx.provision import provision
from collector.influx.target import Target
from collector.influx.write_result import Fate, WriteResult
from collector.model.batch import Batch
from crn_simulator.server.certificate_authority import Authority
from tests.support import influx3_standin as standin
from tests.support.delivery_bed import CONTEXT
from tests.support.scripted_server import Play, always, endless, response, scripted_server

BATCH = Batch.pack(1_800_000_000, [b"sample,host=beta requests=1i 1800000000\n"])
TOKEN = "me:geheim geheim"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT_SECONDS = 10.0
"""Much longer than a test waits, far below what would be for ever."""


async def written(
    url: str,
    generation: Generation | None = None,
    *,
    context: ssl.SSLContext = CONTEXT,
    timeout_seconds: float = LIMIT_SECONDS,
) -> WriteResult:
    """Return what a write to this server means."""
    target = Target(url, "b", "o", TOKEN)
    async with (
        asyncio.timeout(3 * LIMIT_SECONDS),
        open_influxdb(target, context, timeout_seconds, generation) as database,
    ):
        return await database.write(BATCH.body)


@pytest.mark.parametrize("generation", list(Generation))
@pytest.mark.parametrize(
    ("answer", "fate", "words"),
    [
        (response(204), Fate.ACCEPT, ""),
        (response(200), Fate.ACCEPT, ""),
        (response(200, "<html><title>Sign in</title>"), Fate.BLOCKED, "200 an HTML page: Sign in"),
        (response(200, '{"error":"sign in"}'), Fate.BLOCKED, "200 sign in"),
        (response(302, "", "Location: http://a/?t"), Fate.BLOCKED, "302 redirects to http://a"),
        (response(400, "<html>Bad"), Fate.BLOCKED, "400 an HTML page"),
        (response(400, '{"error":"bad"}'), Fate.UNCLEAR, "400 bad"),
        (response(403, f"{TOKEN} unknown"), Fate.BLOCKED, "403 *** unknown"),
        (response(503, "\x1b[31mred"), Fate.KEEP, "503 [31mred"),
    ],
    ids=["204", "200", "page", "JSON", "redirect", "400 page", "400", "token", "escape"],
)
async def test_answers(answer: bytes, fate: Fate, words: str, generation: Generation) -> None:
    """An answer means the same at both paths, and its words are safe to show."""
    async with scripted_server(always(answer)) as server:
        result = await written(server.url, generation)
    assert (result.fate, result.message) == (fate, words)


@pytest.mark.parametrize("generation", list(Generation))
async def test_credentials(generation: Generation) -> None:
    """1.x gets name and password, which may hold blanks, at both paths; others get a token."""
    async with scripted_server(always(response(204))) as server:
        assert (await written(server.url, generation)).fate is Fate.ACCEPT
    basic = "Basic bWU6Z2VoZWltIGdlaGVpbQ=="
    header = basic if generation.is_1 else f"Token {TOKEN}"
    path = "/write?" if generation is Generation.V1 else "/api/v2/write?"
    (head,) = [head for head in server.heads if path in head]
    assert f"\r\nAuthorization: {header}\r\n" in head


@pytest.mark.parametrize(
    ("play", "fate"),
    [
        (endless(CHUNKED, b"1\r\nx\r\n", 0.01), Fate.KEEP),
        (endless(CHUNKED, b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"), Fate.BLOCKED),
        (endless(CHUNKED, b"1;" + b"e" * 4000 + b"\r\nx\r\n"), Fate.KEEP),
        (endless(b"HTTP/1.1 200 OK\r\n", b"X-More: yes\r\n", 0.01), Fate.KEEP),
        (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), Fate.KEEP),
        (endless(b"", b"\r\n", 0.01), Fate.KEEP),
        (endless(b"", b"\x1b[31m\xff", 0.01), Fate.KEEP),
    ],
    ids=["trickle", "flood", "extensions", "headers", "continue", "blank", "garbage"],
)  # fmt: skip
async def test_endless_answer(play: Play, fate: Fate) -> None:
    """An answer that never ends is left when enough was read or the time is over."""
    async with scripted_server(play) as server:
        result = await written(server.url, Generation.V2, timeout_seconds=0.2)
    assert result.fate is fate
    assert result.message.isprintable()
    assert len(result.message) <= 504


@pytest.mark.parametrize("generation", [None, *Generation], ids=str)
async def test_no_request_follows_a_redirect(generation: Generation | None) -> None:
    """Recognising, creating and writing go nowhere else, and name where they were sent."""

    async def play(path: str, writer: asyncio.StreamWriter) -> None:
        here = path.startswith("/elsewhere")
        writer.write(response(204) if here else response(307, "", "Location: /elsewhere?t=geheim"))

    async with scripted_server(play) as server:
        target = Target(server.url, "b", "o", TOKEN)
        async with open_influxdb(target, CONTEXT, LIMIT_SECONDS, generation) as database:
            result = await database.write(BATCH.body)
            with pytest.raises(DatabaseError, match=r"307 redirects to /elsewhere\Z"):
                await provision(database, 1)
    assert result == WriteResult(Fate.BLOCKED, "307 redirects to /elsewhere", Advice.REDIRECT)
    assert not [path for path in server.paths if "elsewhere" in path]


async def test_certificate(tmp_path: Path) -> None:
    """A certificate that is not trusted, or no TLS at all, is for a person, who is told what."""
    authority = Authority()
    async with scripted_server(always(response(204)), authority.context(("127.0.0.1",))) as server:
        untrusted = await written(server.url)
        trusting = ssl.create_default_context(cadata=authority.pem().decode())
        trusted = await written(server.url, Generation.V2, context=trusting)
        other_name = await written(server.url.replace("127.0.0.1", "localhost"), context=trusting)
    async with scripted_server(always(response(204))) as server:
        plain = await written(server.url.replace("http:", "https:"))
    assert (untrusted.fate, untrusted.advice) == (Fate.BLOCKED, Advice.CERTIFICATE)
    assert trusted.fate is Fate.ACCEPT
    assert (other_name.fate, other_name.advice) == (Fate.BLOCKED, Advice.CERTIFICATE)
    assert (plain.fate, plain.advice) == (Fate.BLOCKED, Advice.TLS)


@pytest.mark.parametrize(
    ("answer", "fate", "advice"),
    [
        (response(404, "nothing here"), Fate.BLOCKED, Advice.GENERATION),
        (response(204), Fate.BLOCKED, Advice.GENERATION),
        (response(200, "<html>"), Fate.BLOCKED, Advice.GENERATION),
        (response(200, "[" * 100_000), Fate.BLOCKED, Advice.GENERATION),
        (response(401), Fate.BLOCKED, Advice.TOKEN),
        (response(502, "<html>"), Fate.KEEP, ""),
    ],
    ids=["404", "204", "page", "deep", "401", "502"],
)
async def test_no_known_influxdb(answer: bytes, fate: Fate, advice: str) -> None:
    """A server that is not recognised is told, and gets no points."""
    async with scripted_server(always(answer)) as server:
        result = await written(server.url)
    assert (result.fate, result.advice) == (fate, advice)
    assert not [path for path in server.paths if "write" in path]


async def test_organisation_is_missing() -> None:
    """An empty `org` is told as soon as the server is known to be of generation 2."""
    async with scripted_server(always(response(204))) as server:
        target = Target(server.url, "b", token=TOKEN)
        async with open_influxdb(target, CONTEXT, LIMIT_SECONDS, Generation.V2) as database:
            result = await database.write(BATCH.body)
            with pytest.raises(DatabaseError, match="organisation"):
                await provision(database, None)
    assert (result.fate, result.advice, server.paths) == (Fate.BLOCKED, Advice.ORG, [])


@pytest.mark.parametrize("generation", list(Generation))
@pytest.mark.parametrize(
    "content",
    [
        "[]", "{}", '{"results":[]}', '{"results":[7]}', '{"results":{"0":1}}', "[" * 100_000,
        '{"results":[{"series":[{"columns":["name"],"values":[[{"a":1}]]}]}]}', "null", "",
        '{"orgs":[{"id":7}]}', '{"orgs":[{"id":"1"}],"buckets":[{"retentionRules":[{"a":1}]}]}',
        '{"orgs":[{"id":"1"}],"buckets":[{"retentionRules":[{"everySeconds":1e999}]}]}',
        f'{{"results":[{{"error":"{TOKEN}"}}],"message":"{TOKEN}","error":"{TOKEN}"}}',
    ],
)  # fmt: skip
async def test_provisioning_from_nonsense(content: str, generation: Generation) -> None:
    """Whatever JSON comes, creating a bucket ends with a bucket or with one clean error."""
    async with scripted_server(always(response(200, content))) as server:
        target = Target(server.url, "b", "o", TOKEN)
        async with open_influxdb(target, CONTEXT, LIMIT_SECONDS, generation) as database:
            shown = ""
            try:
                shown = f"{await provision(database, 1)}"
            except DatabaseError as error:
                shown = f"{error} {error.advice}"
    assert "geheim" not in shown


async def test_name_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host is looked up by the system, which knows `.local` and `/etc/hosts`."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *arguments: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == "influx.local" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with standin.running() as server:
        result = await written(server.url.replace("127.0.0.1", "influx.local"))
    assert result.fate is Fate.ACCEPT


@pytest.mark.parametrize(
    "answer",
    [response(401, TOKEN), TOKEN.encode() + b"\x1b[31m\r\n\r\n", response(500, f"a {TOKEN}")],
    ids=["answer", "not HTTP", "500"],
)
async def test_logs_hold_no_secret(answer: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """What a server sends back is in no log, whichever part of the program logs it."""
    caplog.set_level(logging.DEBUG)
    async with scripted_server(always(answer)) as server:
        results = [await written(server.url), await written(server.url, Generation.V1_8)]
    assert "geheim" not in f"{results} {caplog.text}"
