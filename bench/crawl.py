"""Measures a complete round (DNS, visits, state, points, store) on simulated TLS nodes.

Each size is crawled with healthy nodes and with a tenth of them hanging (half of those never
accept, half never finish their response), after a first round that is not measured. The floor is
measured in the same run, on the healthy network, by `bench/floor.py`. The network runs in a process
of its own. The last line is JSON.

    python -m bench.crawl [--nodes 500,2000,10000] [--rounds 1]
"""

from __future__ import annotations

import argparse
import asyncio
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
import yarl
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from bench import floor
from bench.usage import cpu_seconds, sampling
from collector.crawl.crawler import Crawler
from collector.crawl.round import RoundRequest, RoundTiming
from collector.model.status import NodeStatus
from collector.probe.resolver import Resolver
from collector.service.event_loop import run_async
from collector.service.load_settings import load_settings
from collector.service.setting_files import node_tls_context
from collector.service.settings import Settings
from collector.service.wiring import open_parts
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions
from crn_simulator.server.worker import NetworkWorker, raise_descriptor_limit
from crn_simulator.truth.node_truth import truth_at

HANGING = 0.1
START = 1_800_000_000


@dataclass(frozen=True, slots=True)
class RoundFigures:
    """What the measured rounds of one client process cost.

    false_failures: healthy nodes that were recorded as unreachable.
    """

    cpu_ms_per_node: float
    max_rss_bytes: int
    max_fds: int
    gate: int
    round_seconds: float
    false_failures: int


@dataclass(frozen=True, slots=True)
class Run:
    """The figures of one size.

    hanging_ratio: share of the nodes that hang. floor_cpu_ms_per_node: of the minimal client.
    """

    nodes: int
    hanging_ratio: float
    floor_cpu_ms_per_node: float
    figures: RoundFigures

    def json(self) -> dict[str, float]:
        """Return all figures in one flat object."""
        run = asdict(self)
        figures: dict[str, float] = run.pop("figures")
        return {**run, **figures}


def main() -> None:
    """Measure every size, print a table, then a line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--nodes", default="500,2000,10000", help="sizes, between commas")
    parser.add_argument("--rounds", type=int, default=1, help="rounds measured of each")
    parser.add_argument("--child", choices=("round", "floor"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    raise_descriptor_limit()
    if options.child:
        print(json.dumps(run_async(_child(options))))  # noqa: T201
        return
    runs: list[Run] = []
    for nodes in map(int, options.nodes.split(",")):
        lowest = 0.0
        for hanging in (0.0, HANGING):
            figures, measured = asyncio.run(_measure(nodes, hanging, options.rounds))
            lowest = measured or lowest
            runs.append(Run(nodes, hanging, lowest, figures))
            print(f"done: {nodes} nodes, {hanging:.0%} hanging", file=sys.stderr)  # noqa: T201
    _show(runs)
    print(json.dumps([run.json() for run in runs]))  # noqa: T201


async def _measure(nodes: int, hanging: float, rounds: int) -> tuple[RoundFigures, float | None]:
    """Return the figures of a client on one network, and the floor if no node hangs."""
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
            line = await _run_child("round", folder, rounds)
            figures = TypeAdapter(RoundFigures).validate_json(line)
            lowest = None if hanging else float(await _run_child("floor", folder, rounds))
            return figures, lowest
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run_child(kind: str, folder: Path, rounds: int) -> bytes:
    """Measure in a process of its own, so that its memory and CPU are the client's only."""
    options = ("--child", kind, "--folder", str(folder), "--rounds", str(rounds))
    command = (sys.executable, "-m", "bench.crawl", *options)
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    output, _ = await child.communicate()
    if child.returncode:
        raise SystemExit(f"a client ended with {child.returncode}")
    return output.splitlines()[-1]


async def _child(options: argparse.Namespace) -> dict[str, Any] | float:
    folder: Path = options.folder
    settings = load_settings(folder / "crn.toml", data_dir=folder / f"data-{options.child}")
    if options.child == "floor":
        return await _floor(settings, options.rounds)
    return asdict(await _rounds(settings, folder, options.rounds))


async def _rounds(settings: Settings, folder: Path, rounds: int) -> RoundFigures:
    healthy = set(json.loads((folder / "healthy.json").read_text()))
    timing = RoundTiming(settings.rounds.spread_seconds, settings.rounds.deadline_seconds)
    cpu, seconds, false_failures = [], [], 0
    process = psutil.Process()
    fds = [0]
    async with (
        open_parts(settings) as parts,
        sampling(lambda: fds.append(process.num_fds()), seconds=0.5),
    ):
        crawler = Crawler(parts)
        at_once = RoundTiming(0, settings.rounds.deadline_seconds)
        await crawler.round(RoundRequest(START, at_once))
        for number in range(1, rounds + 1):
            before, started = cpu_seconds(), time.perf_counter()
            done = await crawler.round(RoundRequest(START + 60 * number, timing))
            cpu.append(cpu_seconds() - before)
            seconds.append(time.perf_counter() - started)
            false_failures += _false_failures(done.judged.statuses, healthy)
        nodes = len(done.judged.statuses)
        return RoundFigures(
            cpu_ms_per_node=statistics.median(cpu) / nodes * 1000,
            max_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            max_fds=max(fds),
            gate=parts.gate.size,
            round_seconds=statistics.median(seconds),
            false_failures=false_failures,
        )


def _false_failures(statuses: Sequence[NodeStatus], healthy: set[str]) -> int:
    return sum(
        status.node.hash in healthy and not (status.observation and status.observation.reachable)
        for status in statuses
    )


async def _floor(settings: Settings, rounds: int) -> float:
    """Return the milliseconds of CPU per node of the minimal client."""
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
        before = cpu_seconds()
        answered = await floor.crawl(targets, context, 1024, rate, 10.0)
        cpu.append(cpu_seconds() - before)
        if answered < len(targets):
            print(f"floor: {len(targets) - answered} did not respond completely", file=sys.stderr)  # noqa: T201
    return statistics.median(cpu[1:]) / len(targets) * 1000


def _show(runs: list[Run]) -> None:
    table = Table(title="A complete round")
    for heading in (
        *("nodes", "hanging", "CPU ms/node", "floor", "ratio", "peak MB", "descriptors"),
        *("gate", "round s", "false failures"),
    ):
        table.add_column(heading, justify="right")
    for run in runs:
        table.add_row(
            f"{run.nodes}",
            f"{run.hanging_ratio:.0%}",
            f"{run.figures.cpu_ms_per_node:.2f}",
            f"{run.floor_cpu_ms_per_node:.2f}",
            f"{run.figures.cpu_ms_per_node / run.floor_cpu_ms_per_node:.2f}",
            f"{run.figures.max_rss_bytes / 1e6:.0f}",
            f"{run.figures.max_fds}",
            f"{run.figures.gate}",
            f"{run.figures.round_seconds:.1f}",
            f"{run.figures.false_failures}",
        )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
