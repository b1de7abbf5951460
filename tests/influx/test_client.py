"""The client of a database: one session, one connection, and the token kept secret."""

from __future__ import annotations

import logging
from dataclasses import replace

import aiohttp
import pytest
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync

from collector.influx.client import InfluxDb, open_influxdb
from collector.influx.provision import provision
from collector.influx.target import Target
from collector.influx.write_result import Fate
from collector.model.batch import Batch
from tests.support import influx3_standin as standin
from tests.support.delivery_bed import CONTEXT
from tests.support.influx_bucket import InfluxBucket
from tests.support.proxy import Proxy, Response

BATCH = Batch.pack(1_800_000_000, [b"sample,host=beta requests=1i 1800000000\n"])


async def test_everything_goes_over_one_connection() -> None:
    """Recognising, creating and writing share a session, and so a connection that is kept."""
    with standin.running() as server:
        async with open_influxdb(Target(server.url, "b"), CONTEXT, 10) as database:
            await provision(database, None)
            for _ in range(3):
                assert (await database.write(BATCH.body)).fate is Fate.ACCEPT
    assert server.connections == 1


async def test_the_client_has_one_session_that_it_closes() -> None:
    """The official client keeps its session where we look for it, and closes it itself."""
    async with InfluxDBClientAsync("http://127.0.0.1:1", token="t") as client:
        session = client.api_client.rest_client.pool_manager
        assert isinstance(session, aiohttp.ClientSession)
        assert not session.closed
    assert session.closed


async def test_a_client_without_a_session_is_refused() -> None:
    """A version of the official client that keeps its session elsewhere fails at the start."""
    async with InfluxDBClientAsync("http://127.0.0.1:1", token="t") as client:
        rest = client.api_client.rest_client
        session, rest.pool_manager = rest.pool_manager, object()
        with pytest.raises(TypeError, match="keeps its session elsewhere"):
            InfluxDb(Target("http://127.0.0.1:1", "b"), client, None)
        rest.pool_manager = session


@pytest.mark.parametrize("location", ["http://127.0.0.1:1/", "/elsewhere"], ids=["host", "path"])
async def test_redirects_are_not_followed(location: str, bucket: InfluxBucket) -> None:
    """A write that is redirected waits for an operator, on every generation."""
    async with Proxy(bucket.influx.url) as proxy:
        proxy.always = Response(307, headers={"Location": location})
        target = replace(bucket.target, url=proxy.url)
        async with open_influxdb(target, CONTEXT, 10) as database:
            result = await database.write(BATCH.body)
    assert result.fate is Fate.BLOCKED
    assert len(proxy.writes) == 1


async def test_token_is_never_shown(bucket: InfluxBucket, caplog: pytest.LogCaptureFixture) -> None:
    """Not in a message that a server sends back, not in logs, not in any representation."""
    caplog.set_level(logging.DEBUG)
    token = "geheim:very-secret"
    target = replace(bucket.target, token=token)
    async with Proxy(bucket.influx.url) as proxy:
        proxy.always = Response(401, f"token {token} is unknown")
        async with open_influxdb(replace(target, url=proxy.url), CONTEXT, 10) as database:
            result = await database.write(BATCH.body)
    shown = f"{result} {target!r} {database.target!r} {caplog.text}"
    assert result.fate is Fate.BLOCKED
    assert "secret" not in shown
