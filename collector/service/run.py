"""Wires the parts, opens and closes them in order, and runs rounds until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final, TypeVar

import yarl

from collector.crawl.gate import Gate, gate_size
from collector.crawl.round import Crawl, NodeSource, RoundResult
from collector.crawl.schedule import Schedule
from collector.crawl.sweep import RoundTiming
from collector.directory import CacheStorage, Directory, FileDirectory, NoCache, Source
from collector.errors import CollectorError, Exit
from collector.influx.delivery import Delivery
from collector.model.observation import Observation
from collector.probe.controls import Controls
from collector.probe.policy import AddressPolicy
from collector.probe.prober import Prober
from collector.probe.resolver import Resolver
from collector.probe.session import open_session, tls_context
from collector.probe.visit import VisitLimits
from collector.schema.measurements import MEASUREMENTS
from collector.service.database import open_delivery, spooling_of
from collector.service.load_settings import ConfigurationError
from collector.service.settings import Settings
from collector.state.hysteresis import Hysteresis
from collector.state.rules import Rules
from collector.state.tracker import NodeTracker
from collector.store import EmbeddedStore, MemoryStore
from collector.times import round_time

try:
    import uvloop
except ImportError:  # not made for this platform
    uvloop = None  # type: ignore[assignment]

log = logging.getLogger(__name__)
T = TypeVar("T")

_SPARE_CONNECTIONS: Final = 8
"""For the API hosts, so that no look ever waits inside the connector."""
_LAST_CHANCE_SECONDS: Final = 2.0
"""For delivery at the end, even if the last round took all the time that there was."""


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where there is one."""
    factory = uvloop.new_event_loop if uvloop else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.get_loop().set_exception_handler(_pass_over_aborted)
        return runner.run(main)


def _pass_over_aborted(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """uvloop complains of what a node still sends on a connection that we have aborted."""
    error = context.get("exception")
    if isinstance(error, RuntimeError | OSError) and "protocol" in context:
        log.debug("%s: %s", context.get("message"), error)
    else:
        loop.default_exception_handler(context)


def context_of(settings: Settings) -> ssl.SSLContext:
    """The TLS context of the settings. Raises ConfigurationError for a bad authority file."""
    try:
        return tls_context(settings.probe.ca_file)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigurationError(
            f"CRN_PROBE__CA_FILE: {settings.probe.ca_file} cannot be read as certificates: {exc}",
            "Give a PEM file with the certificates of the authorities.",
        ) from exc


@contextlib.asynccontextmanager
async def open_prober(
    settings: Settings, context: ssl.SSLContext, gate: Gate
) -> AsyncIterator[Prober]:
    """The shared session and what looks through it."""
    probe = settings.probe
    resolver = Resolver(probe.nameservers)
    policy = AddressPolicy.of(probe.allowed_networks, probe.forbidden_hosts)
    limits = VisitLimits(
        timeout_seconds=probe.timeout_seconds,
        diagnostic_timeout_seconds=probe.diagnostic_timeout_seconds,
        body_bytes=probe.body_limit_bytes,
        diagnostic_vm=probe.diagnostic_vm,
    )
    connections = gate.size + _SPARE_CONNECTIONS
    try:
        async with open_session(
            resolver, policy, context, connections, probe.connect_timeout_seconds
        ) as session:
            yield Prober(session, resolver, policy, limits)
    finally:
        await resolver.close()


def controls_of(settings: Settings, prober: Prober, context: ssl.SSLContext) -> Controls:
    """The controls of the settings."""
    return Controls(
        targets=[yarl.URL(url) for url in settings.controls],
        resolver=prober.resolver,
        context=context,
        timeout_seconds=settings.probe.connect_timeout_seconds,
        ipv6={"on": True, "off": False}.get(settings.probe.ipv6),
    )


@contextlib.asynccontextmanager
async def open_crawl(
    settings: Settings,
    dry_run: bool = False,
    seen: Callable[[Observation], None] = lambda _: None,
    begun: Callable[[int], None] = lambda _: None,
) -> AsyncIterator[Crawl]:
    """Everything that a round needs. The store is opened first and closed last.

    A dry run touches no disk. Raises DataDirectoryError or ConfigurationError.
    """
    context = context_of(settings)
    async with contextlib.AsyncExitStack() as stack:
        store: EmbeddedStore | MemoryStore = (
            MemoryStore(MEASUREMENTS)
            if dry_run
            else await EmbeddedStore.open(
                settings.data_dir,
                MEASUREMENTS,
                settings.store.retention_days,
                spool_limits=spooling_of(settings),
            )
        )
        await stack.enter_async_context(store)
        outlets: list[Delivery] = []
        if isinstance(store, EmbeddedStore) and settings.influxdb.url:
            outlets = [await stack.enter_async_context(open_delivery(settings, store))]
        rules = Rules(
            interval_seconds=settings.rounds.interval_seconds,
            ipv6_interval_seconds=settings.probe.ipv6_interval_seconds,
            hysteresis=Hysteresis(
                settings.state.down_after, settings.state.down_within, settings.state.up_after
            ),
        )
        gate = Gate(gate_size(settings.rounds.concurrency))
        prober = await stack.enter_async_context(open_prober(settings, context, gate))
        directory: NodeSource
        if settings.directory.file:
            directory = FileDirectory(settings.directory.file, time.time)
        else:
            source = Source(
                prober.session, settings.directory.api_hosts, settings.directory.timeout_seconds
            )
            copies: CacheStorage = NoCache() if dry_run else store
            published = Directory(source, copies, settings.directory.refresh_seconds, time.time)
            stack.push_async_callback(published.aclose)
            directory = published
        yield Crawl(
            directory=directory,
            prober=prober,
            controls=controls_of(settings, prober, context),
            gate=gate,
            state=NodeTracker.load(rules, await store.load_state()),
            store=store,
            vantage=settings.vantage,
            shard=settings.shard,
            seen=seen,
            begun=begun,
            outlets=outlets,
        )


def stop_on_signals(stop: asyncio.Event) -> None:
    """The first SIGTERM or Ctrl-C asks to stop, the second one forces."""

    def handle() -> None:
        if stop.is_set():
            log.error("forced to stop: what is under way is lost")
            os._exit(Exit.INTERRUPTED)
        log.info("stopping: what is under way may finish; a second signal forces")
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, handle)


async def serve(settings: Settings) -> None:
    """Crawl in rounds until a signal asks to stop."""
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with open_crawl(settings) as crawl:
        await run_rounds(crawl, settings, stop)


async def run_rounds(crawl: Crawl, settings: Settings, stop: asyncio.Event) -> None:
    """Rounds on schedule until `stop` is set; then the round under way may finish."""
    log.info(
        "crawling every %d s from vantage %r into %s, %d nodes at a time at most",
        settings.rounds.interval_seconds,
        settings.vantage,
        settings.data_dir,
        crawl.gate.size,
    )
    spread = RoundTiming(settings.rounds.spread_seconds, settings.rounds.deadline_seconds)
    at_once = RoundTiming(0, settings.rounds.deadline_seconds)

    async def round_at(at: int, first: bool) -> bool:
        crawl.counters.rounds_skipped = schedule.skipped
        crawl.counters.rounds_missed = schedule.missed(at)
        try:
            done = await crawl.round(at, at_once if first else spread)
        except CollectorError as exc:
            log.error("round %d was not crawled: %s %s", at, exc, exc.advice)
        except Exception:
            log.exception("round %d broke off: a bug", at)
        else:
            log.info("%s", done.summary())
            return True
        return False

    schedule = Schedule(settings.rounds.interval_seconds, round_at, crawl.state.last_round)
    await schedule.run(stop)
    limit = settings.rounds.shutdown_seconds
    latest = time.monotonic() + limit
    crawl.cut(limit)
    await schedule.finish(limit + settings.probe.connect_timeout_seconds)
    await crawl.deliver(max(_LAST_CHANCE_SECONDS, latest - time.monotonic()))
    log.info("stopped")


async def crawl_once(
    settings: Settings,
    dry_run: bool,
    seen: Callable[[Observation], None],
    begun: Callable[[int], None],
    waiting: Callable[[float], None],
) -> RoundResult | None:
    """One round at once, or, if its time is stored already, at the next multiple.

    `waiting` is told how many seconds that takes. A signal cuts the round short; None if it came
    while there was none yet.
    """
    stop = asyncio.Event()
    stop_on_signals(stop)
    interval = settings.rounds.interval_seconds
    async with open_crawl(settings, dry_run, seen, begun) as crawl:
        at = round_time(time.time(), interval)
        if at == crawl.state.last_round:
            at += interval
            waiting(at - time.time())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(at - time.time()):
                    await stop.wait()
                    return None
        pace = RoundTiming(0, settings.rounds.deadline_seconds)
        cutting = asyncio.create_task(_cut_when(stop, crawl, settings.rounds.shutdown_seconds))
        try:
            done = await crawl.round(at, pace)
            await crawl.deliver(settings.rounds.shutdown_seconds)
            return done
        finally:
            cutting.cancel()


async def _cut_when(stop: asyncio.Event, crawl: Crawl, seconds: float) -> None:
    await stop.wait()
    crawl.cut(seconds)
