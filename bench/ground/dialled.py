"""Rounds that really dial: a simulated network in a process of its own, and the collector here."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.ground.comparison import Comparison
from bench.ground.said import said
from collector.crawl.crawler import Crawler
from collector.crawl.round import RoundRequest, RoundTiming
from collector.service.settings import Settings
from collector.service.wiring import open_parts
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript, every_fault
from crn_simulator.script.trouble import Trouble, TroubleWindow
from crn_simulator.server.network import NetworkOptions
from crn_simulator.server.worker import NetworkWorker, raise_descriptor_limit

START: Final = 1_800_000_000
INTERVAL: Final = 600
"""Seconds of simulated time between two rounds: in 30 of them every IPv6 cadence of an hour comes
round five times."""
IPV6_INTERVAL: Final = 3600
TEMPO: Final = 4.0
"""Nodes live so much faster than the clock."""
HANGS: Final = (
    *(Fault.HANG_BEFORE_HEADERS, Fault.HANG_AFTER_HEADERS),
    *(Fault.BLACK_HOLE, Fault.SILENT_IN_TLS),
)
_FIRST_TROUBLE: Final = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a node may take, in seconds; shorter than shipped, so that rounds stay short.

    Connecting may take longer than the standstill of 2 s from which on a round is not trusted: else
    a shorter one would look like the nodes' fault.
    """

    connect_seconds: float = 2.5
    node_seconds: float = 4.0
    diagnostic_seconds: float = 5.0
    deadline_seconds: float = 500.0
    starts: float = 250.0
    """Looks begun per second: more than both processes can do would fail by our own doing."""

    def settings(self, gate: int, interval: int) -> dict[str, dict[str, Any]]:
        """As the collector's configuration has them."""
        return {
            "probe": {
                "connect_timeout_seconds": self.connect_seconds,
                "timeout_seconds": self.node_seconds,
                "diagnostic_timeout_seconds": self.diagnostic_seconds,
                "ipv6_interval_seconds": IPV6_INTERVAL,
            },
            "rounds": {
                "interval_seconds": interval,
                "spread_seconds": 0.0,
                "deadline_seconds": min(self.deadline_seconds, interval - 1.0),
                "concurrency": gate,
            },
            "directory": {"refresh_seconds": 0.001, "timeout_seconds": 2.0},
        }


def shares(faults: float, hanging: float) -> dict[Fault, float]:
    """Every fault at some nodes, and nodes that hang besides."""
    wanted = every_fault(faults) if faults else {}
    for fault in HANGS if hanging else ():
        wanted[fault] = wanted.get(fault, 0.0) + hanging / len(HANGS)
    return wanted


def windows(rounds: int, seed: int) -> tuple[TroubleWindow, ...]:
    """Every second round has one trouble of the API or of our own, in turn."""
    troubles = list(Trouble)
    places = range(_FIRST_TROUBLE, rounds, 2)
    chosen = [troubles[(seed + number) % len(troubles)] for number in range(len(places))]
    return tuple(
        TroubleWindow(trouble, START + place * INTERVAL - 1, START + (place + 1) * INTERVAL - 1)
        for place, trouble in zip(places, chosen, strict=True)
    )


def settings_of(network: NetworkWorker, folder: Path, other: Mapping[str, Any]) -> Settings:
    """The configuration that the network prints, with other values for some of it."""
    wanted: dict[str, Any] = tomllib.loads(network.config_toml())
    for section, values in other.items():
        wanted[section] = {**wanted.get(section, {}), **values}
    return Settings(data_dir=folder, **wanted)


async def compare(
    nodes: int,
    times: Sequence[int],
    seed: int,
    gate: int,
    wanted: Mapping[Fault, float],
    limits: Limits,
    folder: Path,
    told: Callable[[float, float, int], None],
) -> Comparison:
    """Crawl a network at these times, and hold every round against the truth.

    `told` is given the seconds that each round took and that the collector stood still in it, and
    how many cells are wrong so far.
    """
    raise_descriptor_limit()
    script = NetworkScript(
        nodes,
        seed,
        start=START,
        speed=TEMPO,
        shares=wanted,
        windows=windows(len(times), seed),
    )
    comparison = Comparison(script, INTERVAL, IPV6_INTERVAL)
    async with NetworkWorker(script, NetworkOptions(times[0])) as network:
        settings = settings_of(network, folder, limits.settings(gate, INTERVAL))
        async with open_parts(settings) as parts:
            crawler = Crawler(parts)
            pace = RoundTiming(0, settings.rounds.deadline_seconds, limits.starts)
            for time in times:
                await network.set_time(time)
                done = await crawler.round(RoundRequest(time, pace))
                found = said(done.points)
                comparison.hold(time, found)
                told(done.seconds, found.lag_seconds, len(comparison.matrix.wrong))
    return comparison
