"""Measures what nodes that send too much, or hold a visit open, cost a round and the other nodes.

Healthy nodes and hostile ones of one kind are crawled together, once for each kind, by a client in
a process of its own; so is the network. The kind `none` is the network without hostile nodes. The
last line is JSON.

    python -m bench.hostile [--healthy 200] [--hostile 100] [--held 600] [--kinds interim_flood,…]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import uvloop
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from bench.usage import cpu_seconds, sampling
from collector.crawl.crawler import Crawler
from collector.crawl.round import RoundRequest, RoundTiming
from collector.schema.measurements import Collector
from collector.service.load_settings import load_settings
from collector.service.settings import Settings
from collector.service.wiring import open_parts
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions
from crn_simulator.server.worker import NetworkWorker, raise_descriptor_limit
from crn_simulator.truth.node_truth import truth_at

START: Final = 1_800_000_000
HELD: Final = Fault.HANG_IN_BODY
"""It holds its visit open, with a body of which the last byte is missing."""
KINDS: Final = (
    *(Fault.NONE, Fault.INTERIM_FLOOD, Fault.CHUNK_FLOOD, Fault.ENDLESS_BODY),
    *(Fault.GZIP_BOMB, Fault.HUGE_HEADERS, Fault.SLOW_DRIP, HELD),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """One round.

    healthy_judged: healthy nodes that were recorded as reachable; healthy_blamed: as failed, by
    their own fault. failures: of the hostile nodes. open_visits, rss_bytes: when most descriptors
    were open, and by how much memory had grown then. late_seconds, worst_seconds: of the event
    loop, in sum within 5 seconds and at once.
    """

    healthy: int
    healthy_judged: int
    healthy_blamed: int
    hostile: int
    failures: dict[str, int]
    vantage: str
    seconds: float
    cpu_seconds: float
    late_seconds: float
    worst_seconds: float
    open_visits: int
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Run:
    """The figures of one kind of hostile nodes."""

    kind: str
    figures: Figures

    def json(self) -> dict[str, Any]:
        """Return all figures in one flat object."""
        return {"kind": self.kind, **asdict(self.figures)}


def main() -> None:
    """Measure every kind, print a table, then a line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--healthy", type=int, default=200, help="healthy nodes")
    parser.add_argument("--hostile", type=int, default=100, help="nodes of each hostile kind")
    parser.add_argument("--held", type=int, default=600, help=f"nodes of the kind {HELD}")
    parser.add_argument("--kinds", default=",".join(KINDS), help="between commas")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    raise_descriptor_limit()
    if options.child:
        print(json.dumps(asdict(uvloop.run(_crawl(options.child)))))  # noqa: T201
        return
    runs = []
    for kind in map(Fault, options.kinds.split(",")):
        hostile = options.held if kind is HELD else options.hostile
        hostile = 0 if kind is Fault.NONE else hostile
        runs.append(Run(str(kind), asyncio.run(_measure(kind, options.healthy, hostile))))
        print(f"done: {kind}", file=sys.stderr)  # noqa: T201
    _show(runs)
    print(json.dumps([run.json() for run in runs]))  # noqa: T201


async def _measure(kind: Fault, healthy: int, hostile: int) -> Figures:
    """Crawl a network of healthy and hostile nodes, in a process of its own."""
    nodes = healthy + hostile
    shares = {kind: hostile / nodes} if hostile else None
    script = NetworkScript(nodes, 1, start=START, calm=True, shares=shares, ipv6=False)
    with tempfile.TemporaryDirectory(prefix="bench-hostile-") as name:
        folder = Path(name)
        async with NetworkWorker(script, NetworkOptions(folder=folder)) as network:
            (folder / "crn.toml").write_text(network.config_toml(), encoding="utf-8")
            truths = [truth_at(script, index, START) for index in range(nodes)]
            expected = {truth.node: truth.reachable for truth in truths}
            (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
            command = (sys.executable, "-m", "bench.hostile", "--child", name)
            child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            output, _ = await child.communicate()
    if child.returncode:
        raise SystemExit(f"the client ended with {child.returncode}")
    return TypeAdapter(Figures).validate_json(output.splitlines()[-1])


async def _crawl(folder: Path) -> Figures:
    """Crawl one round at once, as `crn-collector crawl` does."""
    settings = load_settings(folder / "crn.toml", data_dir=folder / "data")
    expected: dict[str, bool] = json.loads((folder / "expected.json").read_text())
    async with open_parts(settings) as parts:
        await parts.nodes.listing()
        cpu, started = cpu_seconds(), time.perf_counter()
        samples = [_descriptors_and_memory()]
        async with sampling(lambda: samples.append(_descriptors_and_memory()), seconds=0.25):
            done = await Crawler(parts).round(RoundRequest(START, _at_once(settings)))
        seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    (fds, rss_bytes), (most_fds, most_rss_bytes) = samples[0], max(samples)
    own = next(point for point in done.points if isinstance(point, Collector))
    statuses = {status.node.hash: status for status in done.judged.statuses}
    healthy = [statuses[key] for key, reachable in expected.items() if reachable]
    return Figures(
        healthy=len(healthy),
        healthy_judged=sum(bool(s.observation and s.observation.reachable) for s in healthy),
        healthy_blamed=sum(s.failure.counts_against_node for s in healthy),
        hostile=len(expected) - len(healthy),
        failures=dict(Counter(str(statuses[key].failure) for key in expected if not expected[key])),
        vantage=str(done.judged.reason),
        seconds=seconds,
        cpu_seconds=cpu,
        late_seconds=own.loop_late_seconds,
        worst_seconds=own.loop_lag_seconds,
        open_visits=most_fds - fds,
        rss_bytes=most_rss_bytes - rss_bytes,
    )


def _descriptors_and_memory() -> tuple[int, int]:
    process = psutil.Process()
    return process.num_fds(), process.memory_info().rss


def _at_once(settings: Settings) -> RoundTiming:
    return RoundTiming(0, settings.rounds.deadline_seconds)


def _show(runs: Sequence[Run]) -> None:
    table = Table(title="Healthy nodes beside hostile ones")
    for heading in (
        *("hostile kind", "nodes", "healthy", "judged", "blamed", "vantage"),
        *("CPU s", "late s", "worst s", "open", "KB/open", "round s", "failures"),
    ):
        table.add_column(heading, justify="right")
    for run in runs:
        figures = run.figures
        table.add_row(
            run.kind,
            f"{figures.hostile}",
            f"{figures.healthy}",
            f"{figures.healthy_judged}",
            f"{figures.healthy_blamed}",
            figures.vantage,
            f"{figures.cpu_seconds:.2f}",
            f"{figures.late_seconds:.2f}",
            f"{figures.worst_seconds:.2f}",
            f"{figures.open_visits}",
            f"{figures.rss_bytes / 1e3 / max(1, figures.open_visits):.0f}",
            f"{figures.seconds:.1f}",
            ", ".join(f"{name} {count}" for name, count in figures.failures.items()),
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
