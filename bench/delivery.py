"""What it costs to serialise, spool and send one large round, and how long the event loop waits.

Half of the points are of reachability and half of usage, as in a round of 30,000 nodes. The server
is a real one. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

from collector.influx.backoff import Backoff
from collector.influx.client import open_influxdb
from collector.influx.delivery import Delivery
from collector.influx.provision import provision
from collector.influx.target import Target
from collector.schema.column import Point
from collector.schema.measurements import MEASUREMENTS, CrnReachability, CrnUsage
from collector.schema.round_record import RoundRecord
from collector.service.event_loop import run_async
from collector.store import EmbeddedStore, SpoolLimits, StoreLimits
from tests.support import influx_servers as servers

ROUND = 1_800_000_000
SPOOLING = StoreLimits(spool=SpoolLimits())
TICK_SECONDS = 0.001
WITHIN_SECONDS = 120


@dataclass(frozen=True)
class BenchNode:
    """The tags of a node, and whether it answers."""

    node: str
    name: str
    is_dead: bool


def points(count: int) -> Iterator[Point]:
    """Yield a round, healthy but for one node in ten."""
    chance = random.Random(1)
    for number in range(count // 2):
        node = BenchNode(chance.randbytes(32).hex(), f"node number {number}", number % 10 == 0)
        yield reachability(node, number, chance)
        yield usage(node, chance)


def reachability(node: BenchNode, number: int, chance: random.Random) -> CrnReachability:
    """Return a point with every field that such a node has."""
    is_alive = not node.is_dead
    return CrnReachability(
        time=ROUND,
        node=node.node,
        name=node.name,
        vantage="default",
        reachable=is_alive,
        up=is_alive,
        since=ROUND - 3600,
        lost=False,
        probed=True,
        status_code=200 if is_alive else None,
        linked=True,
        inactive=False,
        weight=1.0,
        evidence_age_seconds=0.0,
        dns_seconds=chance.random() / 50,
        tcp_seconds=chance.random() / 5 if is_alive else None,
        tls_seconds=chance.random() / 5 if is_alive else None,
        ttfb_seconds=chance.random() / 5 if is_alive else None,
        duration_seconds=chance.random(),
        cert_expiry_seconds=chance.random() * 7e6 if is_alive else None,
        score=chance.random(),
        failure="none" if is_alive else "connect_timeout",
        fault="none" if is_alive else "node",
        address=f"https://node{number}.example.org",
    )


def usage(node: BenchNode, chance: random.Random) -> CrnUsage:
    """Return a point with every field."""
    return CrnUsage(
        time=ROUND,
        node=node.node,
        name=node.name,
        vantage="default",
        cpu_count=32,
        gpu_total=0,
        gpu_used=0,
        gpu_available=0,
        load1=chance.random() * 9,
        load5=chance.random() * 9,
        load15=chance.random() * 9,
        mem_total_bytes=1.35e11,
        mem_available_bytes=float(chance.randrange(10**11)),
        disk_total_bytes=1.9e12,
        disk_available_bytes=float(chance.randrange(10**12)),
    )


class Ticker:
    """Wakes as often as it can, and keeps the longest delay.

    late: whatever the cause. blocked: without the time in which it was ready to run and the system
    gave the processor to something else, as Linux counts it.
    """

    def __init__(self) -> None:
        path = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._statistics = path.open("rb", buffering=0) if path.exists() else None
        self.late_seconds = 0.0
        self.blocked_seconds = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        last, last_waited = perf_counter(), self._waited_seconds()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now, waited = perf_counter(), self._waited_seconds()
            late = now - last - TICK_SECONDS
            self.late_seconds = max(self.late_seconds, late)
            self.blocked_seconds = max(self.blocked_seconds, late - (waited - last_waited))
            last, last_waited = now, waited

    def _waited_seconds(self) -> float:
        """Return how long this thread was ready to run and did not; 0 where it is not counted."""
        if self._statistics is None:
            return 0.0
        return int(os.pread(self._statistics.fileno(), 100, 0).split()[1]) / 1e9


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print how long something took."""
    wall, cpu = perf_counter(), process_time()
    yield
    print(f"{name:32} {perf_counter() - wall:6.2f} s, {process_time() - cpu:6.2f} s of CPU")  # noqa: T201


async def measure(influx: servers.Influx, made: list[Point], folder: Path) -> dict[str, float]:
    """Commit a round and deliver it."""
    target = Target(influx.url, "bench", influx.org, influx.token)
    ticker = Ticker()
    async with (
        await EmbeddedStore.open(folder, MEASUREMENTS, 14, SPOOLING) as store,
        open_influxdb(target, ssl.create_default_context(), 60) as database,
    ):
        await provision(database, None)
        delivery = Delivery(store, database, influx.url, Backoff())
        ticking = asyncio.create_task(ticker.run())
        await asyncio.sleep(0.05)
        ticker.late_seconds = ticker.blocked_seconds = 0.0
        wall, cpu = perf_counter(), process_time()
        with step("serialise, store and spool"):
            receipt = await store.commit(RoundRecord(ROUND, made, {}))
            waiting = await store.backlog()
        committed = ticker.blocked_seconds
        with step(f"send {waiting.bytes / 1e6:.1f} MB packed"):
            left = await delivery.finish(WITHIN_SECONDS)
        wall, cpu = perf_counter() - wall, process_time() - cpu
        ticking.cancel()
        report = await delivery.report(ROUND, 0)
    print(  # noqa: T201
        f"loop blocked {committed * 1000:.1f} ms at most while committing, "
        f"{ticker.blocked_seconds * 1000:.1f} ms in all"
    )
    if (receipt.points, report.points_delivered, left.points) != (len(made), len(made), 0):
        raise SystemExit(f"not everything arrived: {receipt} {report} {delivery.status.problem}")
    return {
        "points": len(made),
        "cpu_seconds": round(cpu, 3),
        "wall_seconds": round(wall, 3),
        "max_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "max_loop_block_seconds": round(ticker.blocked_seconds, 4),
        "max_loop_late_seconds": round(ticker.late_seconds, 4),
    }


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=60_000)
    parser.add_argument("--server", default="1.8", choices=servers.KINDS)
    options = parser.parse_args()
    if options.server not in servers.binaries():
        raise SystemExit(f"no InfluxDB {options.server}: `make servers` gets it")
    made = list(points(options.points))
    with tempfile.TemporaryDirectory() as folder, servers.running(options.server) as influx:
        figures = run_async(measure(influx, made, Path(folder)))
    print(json.dumps(figures))  # noqa: T201


if __name__ == "__main__":
    main()
