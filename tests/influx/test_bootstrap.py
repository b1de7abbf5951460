"""Making the bucket, and keeping the token to ourselves, on every generation."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest

from collector.errors import DatabaseError
from collector.influx.client import open_influxdb
from collector.influx.generation import Generation
from collector.influx.provision import prepare
from collector.influx.target import Target
from collector.influx.write_result import Fate
from collector.model.batch import Batch
from tests.influx.conftest import CONTEXT, Server
from tests.support import influx_servers as servers
from tests.support.proxy import Proxy, Says

GENERATIONS = {
    "1.6": Generation.V1,
    "1.8": Generation.V1_8,
    "2.7": Generation.V2,
    "3": Generation.V3,
}
PIECE = Batch.pack(1_800_000_000, [b"weather,city=Ghent drops=1i 1800000000\n"])


async def test_recognised(empty: Server) -> None:
    """Every server is told by what it answers."""
    async with open_influxdb(empty.target, CONTEXT, 10) as database:
        assert await database.generation() is GENERATIONS[empty.kind]


async def test_fixed(server: Server) -> None:
    """A setting fixes the generation, and the server is not asked."""
    kind = GENERATIONS[server.kind]
    fixed = Generation.V1 if kind.is_1 else kind
    async with open_influxdb(server.target, CONTEXT, 10, fixed) as database:
        assert await database.generation() is fixed
        assert (await database.write(PIECE.body)).fate is Fate.ACCEPT
    assert len(server.rows()) == 1


@pytest.mark.parametrize("days", [None, 30], ids=["for ever", "30 days"])
async def test_made_once(days: int | None, empty: Server) -> None:
    """The bucket is made with its retention; a second time nothing is changed."""
    async with open_influxdb(empty.target, CONTEXT, 10) as database:
        first = await prepare(database, days)
        second = await prepare(database, 7)
        assert (await database.write(PIECE.body)).fate is Fate.ACCEPT
    assert (first.created, second.created) == (True, False)
    assert first.days == days
    if empty.kind != "3":
        assert second.days == days
    assert len(empty.rows()) == 1


async def test_odd_name(empty: Server) -> None:
    """A name that must be quoted is the name that is written to; 2.x allows no quotes in it."""
    quote = '"' if GENERATIONS[empty.kind].is_1 else ""
    odd = replace(empty, bucket=f"{empty.bucket} o.d & ä{quote}")
    async with open_influxdb(odd.target, CONTEXT, 10) as database:
        assert (await prepare(database, None)).created
        assert not (await prepare(database, None)).created
        assert (await database.write(PIECE.body)).fate is Fate.ACCEPT


async def test_retention_policy(empty: Server) -> None:
    """On 1.x `database/policy` makes the policy, and writes into it."""
    if not GENERATIONS[empty.kind].is_1:
        pytest.skip("1.x alone has retention policies")
    empty.create()
    target = replace(empty.target, bucket=f"{empty.bucket}/short")
    async with open_influxdb(target, CONTEXT, 10) as database:
        assert (await prepare(database, 5)).days == 5
        assert not (await prepare(database, 9)).created
        assert (await database.write(PIECE.body)).fate is Fate.ACCEPT
    assert empty.influx.rows(empty.bucket, 'SELECT * FROM "short"."weather"')


async def test_wrong_token_or_org(empty: Server) -> None:
    """2.x: a wrong token or organisation is named, and a write waits for a person."""
    if empty.kind != "2.7":
        pytest.skip("2.x alone asks for a token and an organisation here")
    for wrong, words in (({"token": "nonsense"}, "401"), ({"org": "nobody"}, "'nobody'")):
        async with open_influxdb(replace(empty.target, **wrong), CONTEXT, 10) as database:
            with pytest.raises(DatabaseError, match=words):
                await prepare(database, None)
            assert (await database.write(PIECE.body)).fate is Fate.ACT


@pytest.mark.parametrize("kind", ["1.6", "1.8"])
async def test_password(kind: str) -> None:
    """1.x that asks for a name and password gets them from the token; a wrong one is named."""
    instance = servers.Instance(kind, servers.needed(kind), INFLUXDB_HTTP_AUTH_ENABLED="true")
    try:
        influx = await asyncio.to_thread(instance.start)
        query = "CREATE USER me WITH PASSWORD 'ge:heim' WITH ALL PRIVILEGES"
        assert influx.ask("/query", b"", q=query)[0] == 200
        right = Target(influx.url, "b", token="me:ge:heim")
        async with open_influxdb(right, CONTEXT, 10) as database:
            assert (await prepare(database, None)).created
            assert (await database.write(PIECE.body)).fate is Fate.ACCEPT
        async with open_influxdb(replace(right, token="me:wrong"), CONTEXT, 10) as database:
            with pytest.raises(DatabaseError, match="401"):
                await prepare(database, None)
            assert (await database.write(PIECE.body)).fate is Fate.ACT
    finally:
        await asyncio.to_thread(instance.remove)


async def test_nobody_there() -> None:
    """A server that is not there is one clear error."""
    async with open_influxdb(Target("http://127.0.0.1:1", "b"), CONTEXT, 10) as database:
        with pytest.raises(DatabaseError, match=r"127\.0\.0\.1:1"):
            await prepare(database, None)
        assert (await database.write(PIECE.body)).fate is Fate.KEEP


async def test_token_is_never_said(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Not in words that a server sends back, not in logs, not in any representation."""
    caplog.set_level(logging.DEBUG)
    token = "geheim:very-secret"
    target = replace(server.target, token=token)
    async with Proxy(server.influx.url) as proxy:
        proxy.always = Says(401, f"token {token} is unknown")
        async with open_influxdb(replace(target, url=proxy.url), CONTEXT, 10) as database:
            answer = await database.write(PIECE.body)
    said = f"{answer} {target!r} {database.target!r} {caplog.text}"
    assert answer.fate is Fate.ACT
    assert "secret" not in said
