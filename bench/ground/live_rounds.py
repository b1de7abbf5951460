"""Live rounds: a simulated network in a process of its own, and the collector in this one."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.ground.confusion_matrix import ConfusionMatrix
from bench.ground.point_check import PointCheck
from bench.ground.recorded import recorded_round
from collector.crawl.crawler import Crawler
from collector.crawl.round import RoundRequest, RoundTiming
from collector.service.settings import Settings
from collector.service.wiring import open_parts
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript, every_fault
from crn_simulator.script.trouble import Trouble, TroubleWindow
from crn_simulator.server.worker import NetworkWorker, raise_descriptor_limit

START: Final = 1_800_000_000
INTERVAL: Final = 600
"""Seconds of simulated time between two rounds: in 30, an hourly check is due five times."""
IPV6_INTERVAL: Final = 3600
SPEED: Final = 4.0
"""How much faster than the clock nodes change."""
HANGING_FAULTS: Final = (
    *(Fault.HANG_BEFORE_HEADERS, Fault.HANG_AFTER_HEADERS),
    *(Fault.BLACK_HOLE, Fault.SILENT_IN_TLS),
)
_FIRST_TROUBLE: Final = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Timeouts of the collector; shorter than its defaults, so that rounds stay short.

    starts_per_second: visits begun; more than both processes can do would make nodes time out.
    """

    connect_seconds: float = 2.5
    node_seconds: float = 4.0
    diagnostic_seconds: float = 5.0
    deadline_seconds: float = 500.0
    starts_per_second: float = 250.0

    def settings(self, gate: int, interval: int) -> dict[str, dict[str, Any]]:
        """Return them as sections of the collector's configuration."""
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
    """Return the shares of every fault, and of nodes that hang besides."""
    result = every_fault(faults) if faults else {}
    for fault in HANGING_FAULTS if hanging else ():
        result[fault] = result.get(fault, 0.0) + hanging / len(HANGING_FAULTS)
    return result


def windows(rounds: int, seed: int) -> tuple[TroubleWindow, ...]:
    """Return one trouble for every second round, in turn."""
    troubles = list(Trouble)
    positions = range(_FIRST_TROUBLE, rounds, 2)
    chosen = [troubles[(seed + number) % len(troubles)] for number in range(len(positions))]
    return tuple(
        TroubleWindow(
            trouble, START + position * INTERVAL - 1, START + (position + 1) * INTERVAL - 1
        )
        for position, trouble in zip(positions, chosen, strict=True)
    )


def settings_of(network: NetworkWorker, folder: Path, changes: Mapping[str, Any]) -> Settings:
    """Return the collector's settings for a network, with some values changed."""
    sections: dict[str, Any] = tomllib.loads(network.config_toml())
    for section, values in changes.items():
        sections[section] = {**sections.get(section, {}), **values}
    return Settings(data_dir=folder, **sections)


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What to crawl: how many nodes and rounds, and with which settings.

    gate: number of visits at the same time. shares: the share of the nodes with each fault.
    """

    nodes: int
    rounds: int
    seed: int
    gate: int
    shares: Mapping[Fault, float]
    limits: Limits


@dataclass(frozen=True, slots=True)
class CheckedRound:
    """A round that was checked. mismatches: number of wrong cells in all rounds so far."""

    seconds: float
    lag_seconds: float
    mismatches: int


async def check_live_rounds(
    run: LiveRun, folder: Path, on_round: Callable[[CheckedRound], None]
) -> ConfusionMatrix:
    """Crawl a simulated network, and check every round against the truth."""
    raise_descriptor_limit()
    script = NetworkScript(
        run.nodes,
        run.seed,
        start=START,
        speed=SPEED,
        shares=run.shares,
        windows=windows(run.rounds, run.seed),
    )
    check = PointCheck(script, INTERVAL, IPV6_INTERVAL)
    limits = run.limits
    async with NetworkWorker(script) as network:
        settings = settings_of(network, folder, limits.settings(run.gate, INTERVAL))
        async with open_parts(settings) as parts:
            crawler = Crawler(parts)
            timing = RoundTiming(0, settings.rounds.deadline_seconds, limits.starts_per_second)
            for time in range(START, START + run.rounds * INTERVAL, INTERVAL):
                await network.set_time(time)
                done = await crawler.round(RoundRequest(time, timing))
                recorded = recorded_round(done.points)
                check.check(time, recorded)
                mismatches = len(check.matrix.mismatches)
                on_round(CheckedRound(done.seconds, recorded.lag_seconds, mismatches))
    return check.matrix
