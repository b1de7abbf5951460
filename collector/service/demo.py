"""The demo: a simulated network, its last day filled in at once, then crawled live.

The past is not dialled: its observations come from the script, and rounds are called with the time
that they had. From then on everything is real but the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from collector.crawl.crawler import Crawler, CrawlParts
from collector.crawl.round import RoundRequest, RoundTiming
from collector.directory.entry import read_entries
from collector.model.failure import Failure
from collector.model.listing import Listing, NetworkSettings
from collector.model.node import Node
from collector.model.observation import (
    Config,
    Endpoint,
    Gpu,
    Ipv6,
    Ipv6Method,
    Observation,
    Phases,
    Probe,
    Usage,
)
from collector.model.vantage import ControlResult
from collector.service.run import startup
from collector.service.settings import Settings
from collector.times import DAY, round_time
from crn_simulator.command import seconds_until_change
from crn_simulator.script.directory_entry import directory_entry
from crn_simulator.script.latency import quantile
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions, SimulatedNetwork
from crn_simulator.truth.node_truth import NodeTruth, UsageTruth, truth_at

TEMPO: Final = 6.0
"""Life goes this much faster than the clock, so that a day has something to show."""
_AT_ONCE: Final = RoundTiming(0, 600, starts_per_second=math.inf)


@dataclass(frozen=True, slots=True)
class _TrueLook:
    """A look whose observation is known beforehand."""

    seen: Observation

    async def run(self) -> None:
        """Nothing is dialled."""

    def observation(self, is_unfinished: bool = False) -> Observation:
        """What is true."""
        return self.seen


@dataclass(slots=True)
class Past:
    """Stands for directory, prober and controls at a time that is over."""

    ports: Sequence[int]
    """Of the nodes, in the order of the script."""
    script: NetworkScript
    settings: NetworkSettings = field(default_factory=NetworkSettings)
    time: int = 0
    _nodes: dict[str, int] = field(default_factory=dict)

    async def listing(self) -> Listing:
        """The list of nodes as it was."""
        self._nodes = {self.script.profile(i).hash: i for i in range(len(self.script))}
        listed = (
            directory_entry(self.script.profile(i), stage, self.ports[i])
            for i in range(len(self.script))
            if (stage := self.script.stage(i, self.time)).listed
        )
        return Listing(read_entries(listed).nodes, self.settings, age_seconds=0.0)

    def refusal(self, node: Node) -> Failure:
        """What the policy says of such an address."""
        truth = truth_at(self.script, self._nodes[node.hash], self.time)
        return Failure(truth.failure) if truth.fault == "policy" else Failure.NONE

    def look(self, node: Node, ipv6: bool) -> _TrueLook:
        """What a look would have seen."""
        index = self._nodes[node.hash]
        truth = truth_at(self.script, index, self.time)
        wave = 1 + 0.25 * math.sin(self.time / 4000 + index)
        latency = quantile(self.script.profile(index).latency_rank) * wave
        return _TrueLook(observed(node, truth, latency, ipv6))

    def use_ipv6(self, available: bool) -> None:
        """As it is."""

    def has_ipv6(self) -> bool:
        """The simulated vantage has IPv6."""
        return True

    async def ask(self, within_seconds: float | None = None) -> ControlResult:
        """We could see."""
        return ControlResult(ipv6=True)


def observed(node: Node, truth: NodeTruth, latency_seconds: float, ipv6: bool) -> Observation:
    """The observation that a look makes of what is true."""
    if not truth.reachable:
        attempt = Probe(Endpoint.CONFIG, Failure(truth.failure), duration_seconds=latency_seconds)
        return Observation(node, attempt.failure, (attempt,), duration_seconds=latency_seconds)
    asked = ((Endpoint.CONFIG, truth.config), (Endpoint.USAGE, truth.usage is not None))
    attempts = tuple(
        Probe(
            endpoint,
            Failure.NONE if well else Failure.CLIENT_ERROR,
            status_code=200 if well else 404,
            response_bytes=1200,
            duration_seconds=latency_seconds,
        )
        for endpoint, well in asked
    )
    said = truth.ipv6 if ipv6 else None
    if said:
        slow = Endpoint.IPV6 if said.method == "status" else Endpoint.DIAGNOSTIC_VM
        attempts += (Probe(slow, Failure.NONE, 200, 30, latency_seconds),)
    return Observation(
        node=node,
        failure=Failure.NONE,
        attempts=attempts,
        phases=Phases(latency_seconds / 4, latency_seconds / 2, latency_seconds, latency_seconds),
        duration_seconds=4 * latency_seconds,
        cert_expiry_seconds=DAY * (5 + 80 * node.fraction("certificate")),
        version=truth.version,
        version_source=None
        if truth.version is None
        else "config"
        if truth.config
        else "server_header",
        config=Config(truth.version, None, True, False, None, None) if truth.config else None,
        usage=_usage(truth.usage) if truth.usage else None,
        ipv6=Ipv6(Ipv6Method(said.method), said.vm, said.host, said.aaaa, said.direct)
        if said
        else None,
    )


def _usage(truth: UsageTruth) -> Usage:
    gpus = (
        Gpu(kind.device_id, kind.model, kind.model or "", True, available=place >= kind.used)
        for kind in truth.gpus or ()
        for place in range(kind.total)
    )
    return Usage(
        cpu_count=truth.cpu_count,
        load1=truth.load1,
        load5=truth.load5,
        load15=truth.load15,
        mem_total_bytes=float(truth.mem_total_bytes),
        mem_available_bytes=float(truth.mem_available_bytes),
        disk_total_bytes=float(truth.disk_total_bytes),
        disk_available_bytes=float(truth.disk_available_bytes),
        architecture="x86_64",
        cpu_vendor=None,
        gpus=None if truth.gpus is None else tuple(gpus),
    )


async def fill(
    parts: CrawlParts,
    past: Past,
    times: range,
    on_progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Rounds at these times, as the script has them. Rounds that the store holds are left out."""
    crawler = Crawler(replace(parts, nodes=past, prober=past, controls=past))
    last = crawler.last_round or 0
    for number, at in enumerate(times, 1):
        if at > last:
            past.time = at
            await crawler.round(RoundRequest(at, _AT_ONCE))
        on_progress(number)


async def demo(
    nodes: int,
    seed: int,
    folder: Path,
    settings_from: Callable[[Path], Settings],
    on_progress: Callable[[int, int], None],
    on_ready: Callable[[Settings], None],
    stop: asyncio.Event,
) -> None:
    """Fill in the last day, call `on_ready`, and go on live until `stop` is set.

    `settings_from` makes settings of a configuration file; `on_progress` is called with the
    rounds of the past that are done and how many there are.
    """
    now = time.time()
    script = NetworkScript(nodes, seed, start=now - DAY, speed=TEMPO)
    async with SimulatedNetwork(script, NetworkOptions(now, folder)) as network:
        config = folder / "demo.toml"
        config.write_text(network.config_toml(), encoding="utf-8")
        settings = settings_from(config)
        interval = settings.rounds.interval_seconds
        end = round_time(now, interval)
        times = range(end - DAY, end, interval)
        past = Past([host.port for host in network.hosts], script)
        async with startup(settings) as service:
            filling = asyncio.create_task(
                fill(service.parts, past, times, lambda done: on_progress(done, len(times)))
            )
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({filling, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not filling.done():
                filling.cancel()
                await asyncio.wait({filling})
                return
            filling.result()
            on_ready(settings)
            living = asyncio.create_task(_live(network, interval))
            try:
                await service.run(stop)
                await service.shutdown()
            finally:
                living.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await living


async def _live(network: SimulatedNetwork, interval: float) -> None:
    """Let the script go on with the clock, and change things between rounds only."""
    while True:
        await asyncio.sleep(seconds_until_change(time.time(), interval))
        await network.set_time(time.time())
