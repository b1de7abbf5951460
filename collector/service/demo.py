"""The demo: a simulated network, its last day filled in at once, then crawled live.

The rounds of the last day are crawled from the script, with the times that they had. From then on
everything is real but the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from collector.crawl.crawler import Crawler, CrawlParts
from collector.crawl.round import RoundRequest, RoundTiming
from collector.service.run import startup
from collector.service.scripted_past import ScriptedPast
from collector.service.settings import Settings
from collector.times import DAY, round_time
from crn_simulator.command import seconds_until_change
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions, SimulatedNetwork

SPEED: Final = 6.0
"""Nodes change so much faster than the clock, so that a day has something to show."""
_AT_ONCE: Final = RoundTiming(0, 600, starts_per_second=math.inf)


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Which network is simulated, and where its files are."""

    nodes: int
    seed: int
    """The same seed is the same history."""
    folder: Path


class DemoObserver(Protocol):
    """Hears how far the demo is."""

    def on_progress(self, done: int, total: int) -> None:
        """So many rounds of the last day are filled in, of so many."""

    def on_ready(self, settings: Settings) -> None:
        """The last day is filled in; the network is crawled live from now on."""


async def demo(
    options: DemoOptions,
    load: Callable[[Path], Settings],
    observer: DemoObserver,
    stop: asyncio.Event,
) -> None:
    """Fill in the last day, then crawl live until `stop` is set.

    `load` returns the settings of a configuration file.
    """
    now = time.time()
    script = NetworkScript(options.nodes, options.seed, start=now - DAY, speed=SPEED)
    async with SimulatedNetwork(script, NetworkOptions(now, options.folder)) as network:
        config = options.folder / "demo.toml"
        config.write_text(network.config_toml(), encoding="utf-8")
        settings = load(config)
        interval = settings.rounds.interval_seconds
        end = round_time(now, interval)
        times = range(end - DAY, end, interval)
        past = ScriptedPast([host.port for host in network.hosts], script)
        async with startup(settings) as service:
            await fill(
                service.parts,
                past,
                times,
                on_progress=lambda done: observer.on_progress(done, len(times)),
                stop=stop,
            )
            if stop.is_set():
                return
            observer.on_ready(settings)
            async with _changing(network, interval):
                await service.run(stop)
                await service.shutdown()


async def fill(
    parts: CrawlParts,
    past: ScriptedPast,
    times: range,
    on_progress: Callable[[int], None] = lambda _: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Crawl rounds at these times as the script has them; leave out those that are stored.

    Once `stop` is set no other round begins.
    """
    crawler = Crawler(replace(parts, nodes=past, prober=past, controls=past))
    last = crawler.last_round or 0
    for number, at in enumerate(times, 1):
        if stop and stop.is_set():
            return
        if at > last:
            past.time = at
            await crawler.round(RoundRequest(at, _AT_ONCE))
        on_progress(number)


@contextlib.asynccontextmanager
async def _changing(network: SimulatedNetwork, interval_seconds: float) -> AsyncIterator[None]:
    """Let the script go on with the clock meanwhile; the network changes between rounds only."""

    async def change() -> None:
        while True:
            await asyncio.sleep(seconds_until_change(time.time(), interval_seconds))
            await network.set_time(time.time())

    task = asyncio.create_task(change())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
