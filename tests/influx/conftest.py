"""Every generation of server, and a bed: a store that spools, and delivery through a proxy."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from collector.influx.backoff import Backoff
from collector.influx.client import InfluxDb, open_influxdb
from collector.influx.delivery import Delivery
from collector.influx.target import Target
from collector.model.batch import BatchLimits
from collector.model.queue import Ack, Backlog, QueuedBatch
from collector.store import EmbeddedStore
from collector.store.spool import SpoolLimits
from tests.support import influx3_standin as standin
from tests.support import influx_servers as servers
from tests.support.influx_servers import Influx
from tests.support.proxy import Proxy

from tests.store.conftest import small_disk  # noqa: F401  # isort: skip
from tests.support.disk_weather import ALL  # isort: skip

WITHIN_SECONDS = 30.0
"""More than anything here takes, on any machine."""
QUICK = Backoff(0.001, 0.01)
CONTEXT = ssl.create_default_context()


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task or a store's thread behind."""
    tasks = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - tasks - {asyncio.current_task()} == set()
    assert [t.name for t in threading.enumerate() if t.name.startswith("store")] == []


@dataclass(frozen=True)
class Server:
    """A database server, of which each test uses a bucket of its own."""

    influx: Influx
    bucket: str = ""

    @property
    def kind(self) -> str:
        """1.6, 1.8, 2.7 or 3."""
        return self.influx.kind

    @property
    def target(self) -> Target:
        """The bucket."""
        return Target(self.influx.url, self.bucket, self.influx.org, self.influx.token)

    def create(self, days: int = 0) -> None:
        """Make the bucket; it keeps points for so many days, or for ever."""
        if self.kind == "3":
            body = json.dumps({"db": self.bucket}).encode()
            status, words = self.influx.ask("/api/v3/configure/database", body)
        elif self.kind == "2.7":
            orgs = json.loads(self.influx.ask("/api/v2/orgs", org=self.influx.org)[1])["orgs"]
            rules = [{"type": "expire", "everySeconds": days * 86_400}] if days else []
            wanted = {"orgID": orgs[0]["id"], "name": self.bucket, "retentionRules": rules}
            status, words = self.influx.ask("/api/v2/buckets", json.dumps(wanted).encode())
        else:
            kept = f" WITH DURATION {days}d" if days else ""
            query = f'CREATE DATABASE "{self.bucket}"{kept}'
            status, words = self.influx.ask("/query", b"", q=query)
        assert status in (200, 201), words

    def write(self, lines: str) -> None:
        """Write past the collector."""
        path, query = "/api/v2/write", {"bucket": self.bucket, "org": self.influx.org}
        if self.kind == "1.6":
            path, query = "/write", {"db": self.bucket}
        status, words = self.influx.ask(path, lines.encode(), precision="s", **query)
        assert status == 204, words

    def rows(self, measurement: str = "weather") -> list[dict[str, Any]]:
        """All points of a measurement, without what is absent, by time and city."""
        found = self.influx.rows(self.bucket, f'SELECT * FROM "{measurement}"')
        rows = [{k: v for k, v in row.items() if v is not None} for row in found]
        return sorted(rows, key=lambda row: (row["time"], row.get("city", "")))


def _kinds() -> list[str]:
    real = ["3-real"] if os.environ.get("INFLUXDB3") else []
    return [*servers.KINDS, "3", *real]


@pytest.fixture(scope="session", params=_kinds())
def any_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of each generation; 3 is the stand-in, and a real one where there is one."""
    if request.param == "3":
        with standin.running() as stand_in:
            yield Server(Influx(stand_in.url, "3"))
        return
    with servers.running(request.param.removesuffix("-real")) as influx:
        yield Server(influx)


@pytest.fixture
def empty(any_server: Server) -> Server:
    """A bucket that nobody has made."""
    return replace(any_server, bucket=f"b-{uuid.uuid4().hex}")


@pytest.fixture
def server(empty: Server) -> Server:
    """An empty bucket."""
    empty.create()
    return empty


class Watched:
    """The store's spool; tells when pieces are settled."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store
        self._settled = asyncio.Condition()
        self.taken: list[QueuedBatch] = []

    async def grown(self) -> None:
        await self._store.grown()

    async def take(self, newest: bool, without: Collection[int] = ()) -> QueuedBatch | None:
        taken = await self._store.take(newest, without)
        if taken:
            self.taken.append(taken)
        return taken

    async def settle(self, settlement: Ack) -> None:
        await self._store.settle(settlement)
        async with self._settled:
            self._settled.notify_all()

    async def backlog(self) -> Backlog:
        return await self._store.backlog()

    async def emptied(self) -> None:
        """Wait until nothing waits."""
        await self.left(0)

    async def left(self, points: int) -> None:
        """Wait until no more than so many points wait."""
        async with asyncio.timeout(WITHIN_SECONDS), self._settled:
            while (await self.backlog()).points > points:
                await self._settled.wait()


@dataclass
class Bed:
    """What a test of delivery stands on."""

    directory: Path
    store: EmbeddedStore
    spool: Watched
    proxy: Proxy
    database: InfluxDb
    delivery: Delivery


OpenBed = Callable[..., Any]


@pytest.fixture
def open_bed(tmp_path: Path) -> OpenBed:
    """Opens a bed before a server; delivery is not started."""

    @asynccontextmanager
    async def open_(
        server: Server,
        *,
        spool_limits: SpoolLimits = SpoolLimits(BatchLimits(1000)),  # noqa: B008
        timeout_seconds: float = WITHIN_SECONDS,
        backoff: Backoff = QUICK,
    ) -> AsyncIterator[Bed]:
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(
                await EmbeddedStore.open(tmp_path, ALL, 1e6, spool_limits=spool_limits)
            )
            proxy = await stack.enter_async_context(Proxy(server.influx.url))
            database = await stack.enter_async_context(
                open_influxdb(replace(server.target, url=proxy.url), CONTEXT, timeout_seconds)
            )
            spool = Watched(store)
            delivery = Delivery(spool, database, proxy.url, backoff)
            stack.push_async_callback(delivery.stop)
            yield Bed(tmp_path, store, spool, proxy, database, delivery)

    return open_
