"""Makes the parts of the collector from its settings, and closes what it opened.

Only here do settings meet parts; parts get values.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

import yarl

from collector.crawl.crawler import CrawlParts
from collector.crawl.gate import Gate, gate_size
from collector.crawl.ports import NodeSource
from collector.directory import (
    CacheStorage,
    Directory,
    FileDirectory,
    NoCache,
    RefreshRules,
    Source,
)
from collector.errors import ConfigurationError
from collector.influx.backoff import Backoff
from collector.influx.delivery import Delivery
from collector.influx.other_collector import OtherCollector, WriterName
from collector.influx.target import Target
from collector.loop_lag import LoopLag
from collector.model.batch import BatchLimits
from collector.probe.configured_hosts import ConfiguredHosts
from collector.probe.controls import Controls
from collector.probe.own_addresses import OwnAddresses
from collector.probe.policy import AddressPolicy
from collector.probe.prober import Prober
from collector.probe.resolver import Resolver
from collector.probe.session import open_session
from collector.probe.visit import VisitLimits
from collector.schema.measurements import MEASUREMENTS
from collector.service.setting_files import (
    database_tls_context,
    database_token,
    node_tls_context,
)
from collector.service.settings import Settings, variable
from collector.state.hysteresis import Hysteresis
from collector.state.rules import Rules
from collector.state.tracker import NodeTracker
from collector.store import EmbeddedStore, MemoryStore, SpoolLimits, StoreLimits

if TYPE_CHECKING:
    from collector.influx.client import InfluxDb

_SPARE_CONNECTIONS: Final = 8
"""For the API hosts, so that no visit ever waits inside the connector."""


@contextlib.asynccontextmanager
async def open_parts(settings: Settings, dry_run: bool = False) -> AsyncIterator[CrawlParts]:
    """Open everything that a crawler works with; the store is opened first and closed last.

    A dry run touches no disk and delivers nothing. Raises DataDirectoryError or
    ConfigurationError.
    """
    nodes_tls = node_tls_context(settings)
    async with contextlib.AsyncExitStack() as stack:
        instance = secrets.token_hex(8)
        store = await _open_store(settings, dry_run)
        await stack.enter_async_context(store)
        sinks = []
        if isinstance(store, EmbeddedStore) and settings.influxdb.url:
            sinks = [await stack.enter_async_context(open_delivery(settings, store, instance))]
        gate = Gate(gate_size(settings.rounds.concurrency))
        lag = LoopLag()
        prober = await stack.enter_async_context(open_prober(settings, nodes_tls, gate, lag))
        nodes = await stack.enter_async_context(
            _open_directory(settings, prober, NoCache() if dry_run else store)
        )
        yield CrawlParts(
            nodes=nodes,
            prober=prober,
            controls=make_controls(settings, prober, nodes_tls),
            gate=gate,
            tracker=NodeTracker.load(
                _rules(settings), await store.load_state(), f"the store in {settings.data_dir}"
            ),
            store=store,
            vantage=settings.vantage,
            shard=settings.shard,
            sinks=sinks,
            lag=lag,
            connect_timeout_seconds=settings.probe.connect_timeout_seconds,
            instance=instance,
        )


@contextlib.asynccontextmanager
async def open_prober(
    settings: Settings, context: ssl.SSLContext, gate: Gate, lag: LoopLag
) -> AsyncIterator[Prober]:
    """Open the session that all visits share, as wide as the gate; `lag` counts in their limits."""
    probe = settings.probe
    resolver = Resolver(probe.nameservers)
    policy = AddressPolicy.of(probe.allowed_networks, probe.forbidden_hosts, OwnAddresses())
    limits = VisitLimits(
        connect_timeout_seconds=probe.connect_timeout_seconds,
        timeout_seconds=probe.timeout_seconds,
        diagnostic_timeout_seconds=probe.diagnostic_timeout_seconds,
        body_bytes=probe.body_limit_bytes,
        diagnostic_vm=probe.diagnostic_vm,
    )
    connections = gate.size + _SPARE_CONNECTIONS
    try:
        async with open_session(resolver, policy, context, connections) as session:
            yield Prober(session, resolver, policy, limits, lag)
    finally:
        await resolver.close()


def make_controls(settings: Settings, prober: Prober, context: ssl.SSLContext) -> Controls:
    """Return the controls of the settings, which share the prober's resolver."""
    return Controls(
        targets=[yarl.URL(url) for url in settings.controls],
        resolver=prober.resolver,
        context=context,
        lag=prober.lag,
        timeout_seconds=settings.probe.connect_timeout_seconds,
        ipv6=settings.probe.ipv6.forced,
    )


@contextlib.asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[InfluxDb]:
    """Open a client of InfluxDB; connects nowhere yet. Raises ConfigurationError.

    Its library takes half a second to import, so only those who have a database import it.
    """
    from collector.influx.client import open_influxdb

    influxdb = settings.influxdb
    if not influxdb.url:
        raise ConfigurationError(
            f"no InfluxDB is set: {variable(('influxdb', 'url'))} is empty",
            "Set it, for example to http://localhost:8086.",
        )
    target = Target(influxdb.url, influxdb.bucket, influxdb.org, database_token(settings))
    context = database_tls_context(settings)
    async with open_influxdb(
        target, context, influxdb.timeout_seconds, influxdb.generation.forced
    ) as database:
        yield database


@contextlib.asynccontextmanager
async def open_delivery(
    settings: Settings, store: EmbeddedStore, instance: str = ""
) -> AsyncIterator[Delivery]:
    """Open the delivery of what the store spools.

    `instance` is the random name of the process that crawls, and delivers at once; without it,
    delivery begins with `finish`.
    """
    async with open_database(settings) as database:
        delivery = Delivery(store, database, database.target.shown_url, Backoff())
        if not instance:
            yield delivery
            await delivery.stop()
            return
        delivery.start()
        delivery.other = OtherCollector(
            database, WriterName(settings.vantage, settings.shard, instance)
        )
        watch = asyncio.create_task(delivery.other.run(), name="other-collector")
        try:
            yield delivery
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            await delivery.stop()


def spool_limits(settings: Settings) -> SpoolLimits | None:
    """Return how many rounds wait for delivery; None if nothing is delivered anywhere."""
    influxdb = settings.influxdb
    if not influxdb.url:
        return None
    batches = BatchLimits(influxdb.batch_lines, influxdb.batch_bytes)
    return SpoolLimits(batches, influxdb.spool_bytes, influxdb.spool_days)


async def _open_store(settings: Settings, dry_run: bool) -> EmbeddedStore | MemoryStore:
    if dry_run:
        return MemoryStore(MEASUREMENTS)
    return await EmbeddedStore.open(
        settings.data_dir,
        MEASUREMENTS,
        settings.store.kept_days,
        StoreLimits(spool=spool_limits(settings)),
    )


@contextlib.asynccontextmanager
async def _open_directory(
    settings: Settings, prober: Prober, cache: CacheStorage
) -> AsyncIterator[NodeSource]:
    """The list of nodes: a file, or what the API hosts publish."""
    directory = settings.directory
    if directory.file:
        yield FileDirectory(directory.file, time.time)
        return
    source = Source(ConfiguredHosts(prober.session), directory.api_hosts, directory.timeout_seconds)
    published = Directory(
        source,
        cache,
        RefreshRules(directory.refresh_seconds, nodes_limit=directory.nodes_limit),
        time.time,
    )
    try:
        yield published
    finally:
        await published.aclose()


def _rules(settings: Settings) -> Rules:
    state = settings.state
    return Rules(
        interval_seconds=settings.rounds.interval_seconds,
        ipv6_interval_seconds=settings.probe.ipv6_interval_seconds,
        hysteresis=Hysteresis(state.down_after, state.down_within, state.up_after),
    )
