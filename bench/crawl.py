"""Measures a whole round as shipped (crawl, judgement, points, store) on simulated TLS nodes.

Each size is crawled healthy and with a tenth of its nodes hanging (half of them never accept, half
never finish their answer), after a first round that is not measured. The floor is measured in the
same run, on the healthy network, by `bench/floor.py`. The network lives in a process of its own.

    python -m bench.crawl [--nodes 500,2000,10000] [--rounds 1]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import uvloop
import yarl
from rich.console import Console
from rich.table import Table

from bench import floor
from collector.crawl.crawler import Crawler
from collector.crawl.round import RoundRequest, RoundTiming
from collector.probe.resolver import Resolver
from collector.service.load_settings import load_settings
from collector.service.settings import Settings
from collector.service.wiring import node_tls_context, open_parts
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions
from crn_simulator.server.worker import NetworkWorker, raise_descriptor_limit
from crn_simulator.truth.node_truth import truth_at

HANGING = 0.1
START = 1_800_000_000


@dataclass(frozen=True)
class Run:
    """One size, healthy or not."""

    nodes: int
    hanging_ratio: float
    cpu_ms_per_node: float
    floor_cpu_ms_per_node: float
    max_rss_bytes: int
    max_fds: int
    gate: int
    round_seconds: float
    false_failures: int


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--nodes", default="500,2000,10000", help="sizes, between commas")
    parser.add_argument("--rounds", type=int, default=1, help="rounds measured of each")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    raise_descriptor_limit()
    if options.child:
        task = json.loads(options.child)
        print(json.dumps(uvloop.run(_child(task))))  # noqa: T201
        return
    runs: list[Run] = []
    for nodes in map(int, options.nodes.split(",")):
        lowest = 0.0
        for hanging in (0.0, HANGING):
            found = asyncio.run(_measure(nodes, hanging, options.rounds))
            lowest = found.pop("floor", lowest)
            runs.append(Run(nodes, hanging, floor_cpu_ms_per_node=lowest, **found))
            print(f"done: {nodes} nodes, {hanging:.0%} hanging", file=sys.stderr)  # noqa: T201
    _show(runs)
    print(json.dumps([asdict(run) for run in runs]))  # noqa: T201


async def _measure(nodes: int, hanging: float, rounds: int) -> dict[str, Any]:
    """One network, and what its client processes say."""
    shares = {Fault.BLACK_HOLE: hanging / 2, Fault.HANG_AFTER_HEADERS: hanging / 2}
    script = NetworkScript(
        nodes, 1, start=START, calm=True, shares=shares if hanging else None, ipv6=False
    )
    folder = Path(tempfile.mkdtemp(prefix="bench-crawl-"))
    try:
        async with NetworkWorker(script, NetworkOptions(folder=folder)) as network:
            config = folder / "crn.toml"
            config.write_text(network.config_toml(), encoding="utf-8")
            healthy = [
                script.profile(i).hash for i in range(nodes) if truth_at(script, i, START).reachable
            ]
            (folder / "healthy.json").write_text(json.dumps(healthy), encoding="utf-8")
            found = await _run_child(kind="round", folder=str(folder), rounds=rounds)
            if not hanging:
                found |= await _run_child(kind="floor", folder=str(folder), rounds=rounds)
            return found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run_child(**task: Any) -> dict[str, Any]:
    """Measure in a process of its own: its memory and CPU are the client's alone."""
    command = [sys.executable, "-m", "bench.crawl", "--child", json.dumps(task)]
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    said, _ = await child.communicate()
    if child.returncode:
        raise SystemExit(f"a client ended with {child.returncode}")
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    return answer


async def _child(task: dict[str, Any]) -> dict[str, Any]:
    folder = Path(task["folder"])
    settings = load_settings(folder / "crn.toml", data_dir=folder / f"data-{task['kind']}")
    if task["kind"] == "floor":
        return await _floor(settings, folder, task["rounds"])
    return await _rounds(settings, folder, task["rounds"])


async def _rounds(settings: Settings, folder: Path, rounds: int) -> dict[str, Any]:
    healthy = set(json.loads((folder / "healthy.json").read_text()))
    pace = RoundTiming(settings.rounds.spread_seconds, settings.rounds.deadline_seconds)
    cpu, took, false_failures = [], [], 0
    async with open_parts(settings) as parts, _descriptors() as most:
        crawler = Crawler(parts)
        at_once = RoundTiming(0, settings.rounds.deadline_seconds)
        await crawler.round(RoundRequest(START, at_once))
        for number in range(1, rounds + 1):
            before, begun = _cpu_seconds(), time.perf_counter()
            done = await crawler.round(RoundRequest(START + 60 * number, pace))
            cpu.append(_cpu_seconds() - before)
            took.append(time.perf_counter() - begun)
            false_failures += _false_failures(done.judged.statuses, healthy)
        nodes = len(done.judged.statuses)
        return {
            "cpu_ms_per_node": statistics.median(cpu) / nodes * 1000,
            "max_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "max_fds": most[0],
            "gate": parts.gate.size,
            "round_seconds": statistics.median(took),
            "false_failures": false_failures,
        }


def _false_failures(statuses: Sequence[Any], healthy: set[str]) -> int:
    return sum(
        v.node.hash in healthy and not (v.observation and v.observation.reachable) for v in statuses
    )


async def _floor(settings: Settings, folder: Path, rounds: int) -> dict[str, Any]:
    async with open_parts(settings, dry_run=True) as parts:
        nodes = [n for n in (await parts.nodes.listing()).nodes if n.host]
    resolver = Resolver(settings.probe.nameservers)
    targets = [
        (n.host, (await resolver.addresses(n.host))[0], yarl.URL(n.address).port or 443)
        for n in nodes
    ]
    await resolver.close()
    context = node_tls_context(settings)
    rate = len(targets) / settings.rounds.spread_seconds
    cpu = []
    for _ in range(rounds + 1):
        before = _cpu_seconds()
        answered = await floor.crawl(targets, context, 1024, rate, 10.0)
        cpu.append(_cpu_seconds() - before)
        if answered < len(targets):
            print(f"floor: {len(targets) - answered} did not answer", file=sys.stderr)  # noqa: T201
    return {"floor": statistics.median(cpu[1:]) / len(targets) * 1000}


@contextlib.asynccontextmanager
async def _descriptors() -> Any:
    """The most descriptors open at a time, sampled."""
    most = [0]
    process = psutil.Process()

    async def sample() -> None:
        while True:
            most[0] = max(most[0], process.num_fds())
            await asyncio.sleep(0.5)

    task = asyncio.create_task(sample())
    try:
        yield most
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _show(runs: list[Run]) -> None:
    table = Table(title="A round as shipped")
    for heading in (
        *("nodes", "hanging", "CPU ms/node", "floor", "ratio", "peak MB", "descriptors"),
        *("gate", "round s", "false failures"),
    ):
        table.add_column(heading, justify="right")
    for run in runs:
        table.add_row(
            f"{run.nodes}",
            f"{run.hanging_ratio:.0%}",
            f"{run.cpu_ms_per_node:.2f}",
            f"{run.floor_cpu_ms_per_node:.2f}",
            f"{run.cpu_ms_per_node / run.floor_cpu_ms_per_node:.2f}",
            f"{run.max_rss_bytes / 1e6:.0f}",
            f"{run.max_fds}",
            f"{run.gate}",
            f"{run.round_seconds:.1f}",
            f"{run.false_failures}",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
