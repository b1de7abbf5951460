"""A store that spools, and delivery through a faulty proxy to a server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from collector.influx.backoff import Backoff
from collector.influx.client import InfluxDb, open_influxdb
from collector.influx.delivery import Delivery
from collector.model.batch import BatchLimits
from collector.model.queue import Ack, Backlog, QueuedBatch
from collector.store import EmbeddedStore, SpoolLimits, StoreLimits
from tests.support.influx_bucket import InfluxBucket
from tests.support.proxy import Proxy
from tests.support.sample_points import ALL

WITHIN_SECONDS = 30.0
"""More than anything takes, on any machine."""
QUICK = Backoff(0.001, 0.01)
_BATCHES_OF_1000 = SpoolLimits(BatchLimits(1000))
CONTEXT = ssl.create_default_context()


class WatchedSpool:
    """The store's spool; keeps what was taken, and tells when batches are acknowledged."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store
        self._acknowledged = asyncio.Condition()
        self.taken: list[QueuedBatch] = []

    async def wait_for_commit(self) -> None:
        """As `EmbeddedStore.wait_for_commit`."""
        await self._store.wait_for_commit()

    async def take(self, newest: bool, without: Collection[int] = ()) -> QueuedBatch | None:
        """As `EmbeddedStore.take`."""
        queued = await self._store.take(newest, without)
        if queued:
            self.taken.append(queued)
        return queued

    async def acknowledge(self, ack: Ack) -> None:
        """As `EmbeddedStore.acknowledge`."""
        await self._store.acknowledge(ack)
        async with self._acknowledged:
            self._acknowledged.notify_all()

    async def backlog(self) -> Backlog:
        """As `EmbeddedStore.backlog`."""
        return await self._store.backlog()

    async def emptied(self) -> None:
        """Wait until nothing waits."""
        await self.at_most(0)

    async def at_most(self, points: int) -> None:
        """Wait until no more than so many points wait."""
        async with asyncio.timeout(WITHIN_SECONDS), self._acknowledged:
            while (await self.backlog()).points > points:
                await self._acknowledged.wait()


@dataclass
class DeliveryBed:
    """What a test of delivery needs."""

    directory: Path
    store: EmbeddedStore
    spool: WatchedSpool
    proxy: Proxy
    database: InfluxDb
    delivery: Delivery


@asynccontextmanager
async def open_delivery_bed(
    directory: Path,
    bucket: InfluxBucket,
    spool_limits: SpoolLimits = _BATCHES_OF_1000,
    timeout_seconds: float = WITHIN_SECONDS,
) -> AsyncIterator[DeliveryBed]:
    """Yield a bed before a server; delivery is not started."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            await EmbeddedStore.open(directory, ALL, 1e6, StoreLimits(spool=spool_limits))
        )
        proxy = await stack.enter_async_context(Proxy(bucket.influx.url))
        target = replace(bucket.target, url=proxy.url)
        database = await stack.enter_async_context(open_influxdb(target, CONTEXT, timeout_seconds))
        spool = WatchedSpool(store)
        delivery = Delivery(spool, database, proxy.url, QUICK)
        stack.push_async_callback(delivery.stop)
        yield DeliveryBed(directory, store, spool, proxy, database, delivery)


async def queued(store: EmbeddedStore) -> QueuedBatch:
    """Return the batch that is sent next."""
    batch = await store.take(True)
    assert batch is not None
    return batch
