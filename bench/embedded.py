"""What the embedded store costs: bytes per point and node and day, and milliseconds per round.

Simulated rounds with the mix of a real one: a reachability point per node and round, a usage point
per node and round, and a few that come once an hour. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import ClassVar

from collector.schema.column import Point, integer, real, seconds, string, tag
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader

INTERVAL = 60
ROUNDS_PER_DAY = 86_400 // INTERVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Point):
    """Tags of every measurement here."""

    node: str = tag("Hash")
    name: str = tag("Display name")
    vantage: str = tag("Where from")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach(Node):
    """18 fields, of which a healthy node has 17."""

    MEASUREMENT: ClassVar[str] = "reach"

    reachable: int | None = integer("")
    up: int | None = integer("")
    lost: int | None = integer("")
    probed: int | None = integer("")
    status_code: int | None = integer("")
    linked: int | None = integer("")
    inactive: int | None = integer("")
    weight: float | None = real("")
    evidence_age_seconds: float | None = seconds("")
    dns_seconds: float | None = seconds("")
    tcp_seconds: float | None = seconds("")
    tls_seconds: float | None = seconds("")
    ttfb_seconds: float | None = seconds("")
    duration_seconds: float | None = seconds("")
    cert_expiry_seconds: float | None = seconds("")
    score: float | None = seconds("")
    failure: str | None = string("")
    fault: str | None = string("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used(Node):
    """11 fields, all there."""

    MEASUREMENT: ClassVar[str] = "used"

    cpu_count: int | None = integer("")
    gpu_total: int | None = integer("")
    gpu_used: int | None = integer("")
    gpu_available: int | None = integer("")
    load1: float | None = seconds("")
    load5: float | None = seconds("")
    load15: float | None = seconds("")
    mem_total_bytes: float | None = real("")
    mem_available_bytes: float | None = real("")
    disk_total_bytes: float | None = real("")
    disk_available_bytes: float | None = real("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hourly(Node):
    """What comes once an hour."""

    MEASUREMENT: ClassVar[str] = "hourly"

    version: str | None = string("")
    outdated: int | None = integer("")


MEASUREMENTS = (Reach, Used, Hourly)


def main() -> None:
    """Measure and print a table, then a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=360, help="simulated minutes")
    parser.add_argument("--many-nodes", type=int, default=10_000)
    parser.add_argument("--many-rounds", type=int, default=20)
    parser.add_argument("--retention-days", type=float, default=14)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        days = options.retention_days
        few = asyncio.run(measured(Path(folder) / "few", options.nodes, options.rounds, days))
        many = asyncio.run(
            measured(Path(folder) / "many", options.many_nodes, options.many_rounds, days)
        )
    for name in few:
        print(f"{name:28} {few[name]:>14,.2f} {many[name]:>14,.2f}")  # noqa: T201
    print(json.dumps({"few": few, "many": many}))  # noqa: T201


async def measured(directory: Path, nodes: int, rounds: int, days: float) -> dict[str, float]:
    """Return the figures of so many rounds of so many nodes."""
    chance = random.Random(1)
    commits: list[float] = []
    points = 0
    async with await EmbeddedStore.open(directory, MEASUREMENTS, days) as store:
        for number in range(rounds):
            time = number * INTERVAL
            record = RoundRecord(time, list(round_of(time, nodes, chance)), {"round": b"%d" % time})
            started = perf_counter()
            receipt = await store.commit(record)
            commits.append((perf_counter() - started) * 1000)
            points += receipt.points
    size = bytes_in(directory)
    return {
        "nodes": nodes,
        "rounds": rounds,
        "points": points,
        "file_bytes": size,
        "bytes_per_point": size / points,
        "bytes_per_node_day": size / nodes / rounds * ROUNDS_PER_DAY,
        "commit_median_ms": statistics.median(commits),
        "commit_p99_ms": statistics.quantiles(commits, n=100)[98],
        "commit_max_ms": max(commits),
        **latest(directory),
    }


def bytes_in(directory: Path) -> int:
    """Return the size of all files."""
    return sum(file.stat().st_size for file in directory.iterdir())


def latest(directory: Path) -> dict[str, float]:
    """Return how long it takes to read every node's newest point, on a new connection."""
    times = {"latest_180_s_ms": 180, "latest_3600_s_ms": 3600}
    figures = {}
    with Reader(directory) as reader:
        for name, span in times.items():
            started = perf_counter()
            reader.latest(Reach, span)
            figures[name] = (perf_counter() - started) * 1000
    return figures


def round_of(time: int, nodes: int, chance: random.Random) -> Iterator[Point]:
    """Yield the points of one round."""
    minute = time // INTERVAL
    for number in range(nodes):
        tags = {"node": f"{number:064x}", "name": f"node {number}", "vantage": "default"}
        yield reach(time, tags, chance)
        yield used(time, tags, chance)
        if number % 60 == minute % 60:
            yield Hourly(time=time, version="1.7.2", outdated=0, **tags)


def reach(time: int, tags: dict[str, str], chance: random.Random) -> Reach:
    """Return the point of a healthy node."""
    return Reach(
        time=time,
        **tags,
        reachable=1,
        up=1,
        lost=0,
        probed=1,
        status_code=200,
        linked=1,
        inactive=0,
        weight=1.0,
        evidence_age_seconds=0.0,
        dns_seconds=chance.random() / 10,
        tcp_seconds=chance.random() / 10,
        tls_seconds=chance.random() / 5,
        ttfb_seconds=chance.random() / 5,
        duration_seconds=chance.random(),
        cert_expiry_seconds=5e6 - time + chance.randrange(4_000_000),
        score=chance.random(),
        failure="none",
        fault="none",
    )


def used(time: int, tags: dict[str, str], chance: random.Random) -> Used:
    """Return what a node of 64 GB has free."""
    return Used(
        time=time,
        **tags,
        cpu_count=32,
        gpu_total=1,
        gpu_used=0,
        gpu_available=1,
        load1=chance.random() * 8,
        load5=chance.random() * 8,
        load15=chance.random() * 8,
        mem_total_bytes=67_108_864_000.0,
        mem_available_bytes=float(chance.randrange(67_108_864_000)),
        disk_total_bytes=1_099_511_627_000.0,
        disk_available_bytes=float(chance.randrange(1_099_511_627_000)),
    )


if __name__ == "__main__":
    main()
