"""Creating the bucket, on every generation."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from collector.errors import DatabaseError
from collector.influx.client import open_influxdb
from collector.influx.generation import Generation
from collector.influx.provision import provision
from collector.influx.target import Target
from collector.influx.write_result import Fate
from collector.model.batch import Batch
from tests.support import influx_servers as servers
from tests.support.delivery_bed import CONTEXT
from tests.support.influx_bucket import InfluxBucket

GENERATIONS = {
    "1.6": Generation.V1,
    "1.8": Generation.V1_8,
    "2.7": Generation.V2,
    "3": Generation.V3,
}
BATCH = Batch.pack(1_800_000_000, [b"sample,host=beta requests=1i 1800000000\n"])


async def test_recognised(missing_bucket: InfluxBucket) -> None:
    """Every server is recognised by its responses."""
    async with open_influxdb(missing_bucket.target, CONTEXT, 10) as database:
        assert await database.generation() is GENERATIONS[missing_bucket.kind]


async def test_fixed(bucket: InfluxBucket) -> None:
    """A setting fixes the generation, and the server is not asked."""
    kind = GENERATIONS[bucket.kind]
    fixed = Generation.V1 if kind.is_1 else kind
    async with open_influxdb(bucket.target, CONTEXT, 10, fixed) as database:
        assert await database.generation() is fixed
        assert (await database.write(BATCH.body)).fate is Fate.ACCEPT
    assert len(bucket.rows()) == 1


@pytest.mark.parametrize("days", [None, 30], ids=["for ever", "30 days"])
async def test_made_once(days: int | None, missing_bucket: InfluxBucket) -> None:
    """The bucket is made with its retention; a second time nothing is changed."""
    async with open_influxdb(missing_bucket.target, CONTEXT, 10) as database:
        first = await provision(database, days)
        second = await provision(database, 7)
        assert (await database.write(BATCH.body)).fate is Fate.ACCEPT
    assert (first.created, second.created) == (True, False)
    assert first.days == days
    if missing_bucket.kind != "3":
        assert second.days == days
    assert len(missing_bucket.rows()) == 1


async def test_odd_name(missing_bucket: InfluxBucket) -> None:
    """A name that must be quoted is the name that is written to; 2.x allows no quotes in it."""
    quote = '"' if GENERATIONS[missing_bucket.kind].is_1 else ""
    odd = replace(missing_bucket, name=f"{missing_bucket.name} o.d & ä{quote}")
    async with open_influxdb(odd.target, CONTEXT, 10) as database:
        assert (await provision(database, None)).created
        assert not (await provision(database, None)).created
        assert (await database.write(BATCH.body)).fate is Fate.ACCEPT


async def test_retention_policy(missing_bucket: InfluxBucket) -> None:
    """On 1.x `database/policy` makes the policy, and writes into it."""
    if not GENERATIONS[missing_bucket.kind].is_1:
        pytest.skip("1.x alone has retention policies")
    missing_bucket.create()
    target = replace(missing_bucket.target, bucket=f"{missing_bucket.name}/short")
    async with open_influxdb(target, CONTEXT, 10) as database:
        assert (await provision(database, 5)).days == 5
        assert not (await provision(database, 9)).created
        assert (await database.write(BATCH.body)).fate is Fate.ACCEPT
    assert missing_bucket.influx.rows(missing_bucket.name, 'SELECT * FROM "short"."sample"')


async def test_wrong_token_or_org(missing_bucket: InfluxBucket) -> None:
    """2.x: a wrong token or organisation is named, and a write waits for a person."""
    if missing_bucket.kind != "2.7":
        pytest.skip("2.x alone asks for a token and an organisation here")
    for wrong, message in (({"token": "nonsense"}, "401"), ({"org": "nobody"}, "'nobody'")):
        async with open_influxdb(replace(missing_bucket.target, **wrong), CONTEXT, 10) as database:
            with pytest.raises(DatabaseError, match=message):
                await provision(database, None)
            assert (await database.write(BATCH.body)).fate is Fate.BLOCKED


@pytest.mark.server
@pytest.mark.parametrize("kind", ["1.6", "1.8"])
async def test_password(kind: str) -> None:
    """1.x that asks for a name and password gets them from the token; a wrong one is named."""
    instance = servers.Instance(kind, servers.needed(kind), INFLUXDB_HTTP_AUTH_ENABLED="true")
    try:
        influx = await asyncio.to_thread(instance.start)
        query = "CREATE USER me WITH PASSWORD 'ge:heim é' WITH ALL PRIVILEGES"
        assert influx.ask("/query", b"", q=query)[0] == 200
        right = Target(influx.url, "b", token="me:ge:heim é")
        async with open_influxdb(right, CONTEXT, 10) as database:
            assert (await provision(database, None)).created
            assert (await database.write(BATCH.body)).fate is Fate.ACCEPT
        async with open_influxdb(replace(right, token="me:wrong"), CONTEXT, 10) as database:
            with pytest.raises(DatabaseError, match="401"):
                await provision(database, None)
            assert (await database.write(BATCH.body)).fate is Fate.BLOCKED
    finally:
        await asyncio.to_thread(instance.remove)


async def test_nobody_there() -> None:
    """A server that is not there is one clear error."""
    async with open_influxdb(Target("http://127.0.0.1:1", "b"), CONTEXT, 10) as database:
        with pytest.raises(DatabaseError, match=r"127\.0\.0\.1:1"):
            await provision(database, None)
        assert (await database.write(BATCH.body)).fate is Fate.KEEP
