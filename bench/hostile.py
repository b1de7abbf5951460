"""Measures what hostile nodes cost a round, and whether the others are judged right beside them.

Healthy nodes and hostile ones are crawled together, once for each kind, by a client in a process of
its own; so is the network. The kind `none` is the network without hostile nodes; `all` has every
way in which the simulator's nodes can be wrong in equal parts, and besides them entries of the
directory that claim the hash, the address or the machine of every second healthy node. Rounds
follow one another with all that is kept between them. The last line is JSON.

    python -m bench.hostile [--healthy 200] [--hostile 100] [--held 600] [--kinds interim_flood,…]
    python -m bench.hostile --kinds all --hostile 1000 --rounds 5
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from bench.hostile_crawl import CONFIG_FILE, START, Figures, crawl, write_truth
from collector.service.event_loop import run_async
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions
from crn_simulator.server.worker import NetworkWorker, raise_descriptor_limit
from crn_simulator.truth.node_truth import truth_at

ALL: Final = "all"
"""Every kind of hostile node together."""
HELD: Final = str(Fault.HANG_IN_BODY)
"""It holds its visit open, with a body of which the last byte is missing."""
KINDS: Final = (
    *(Fault.NONE, Fault.INTERIM_FLOOD, Fault.CHUNK_FLOOD, Fault.ENDLESS_BODY),
    *(Fault.GZIP_BOMB, Fault.HUGE_HEADERS, Fault.SLOW_DRIP, Fault.HANG_IN_BODY),
)
_SHOWN: Final = 3
"""Failures in the table; the JSON has all."""


@dataclass(frozen=True, slots=True)
class Run:
    """The figures of one round with one kind of hostile nodes."""

    kind: str
    round: int
    figures: Figures

    def json(self) -> dict[str, Any]:
        """Return all figures in one flat object."""
        return {"kind": self.kind, "round": self.round, **asdict(self.figures)}


def main() -> int:
    """Measure every kind, print a table, then a line of JSON; 1 if a healthy node suffered."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--healthy", type=int, default=200, help="healthy nodes")
    parser.add_argument("--hostile", type=int, default=100, help="nodes of each hostile kind")
    parser.add_argument("--held", type=int, default=600, help=f"nodes of the kind {HELD}")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"between commas, or {ALL}")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of each kind")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for a visit")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    raise_descriptor_limit()
    if options.child:
        figures = run_async(crawl(options.child, options.rounds, options.timeout))
        print(json.dumps([asdict(one) for one in figures]))  # noqa: T201
        return 0
    runs = []
    for kind in options.kinds.split(","):
        hostile = options.held if kind == HELD else options.hostile
        script = _script(kind, options.healthy, hostile)
        impostors = options.healthy // 2 if kind == ALL else 0
        arguments = ("--rounds", str(options.rounds), "--timeout", str(options.timeout))
        done = asyncio.run(_measure(script, impostors, arguments))
        runs += [Run(kind, number, figures) for number, figures in enumerate(done, 1)]
        print(f"done: {kind}", file=sys.stderr)  # noqa: T201
    _show(runs)
    print(json.dumps([run.json() for run in runs]))  # noqa: T201
    return int(any(run.figures.healthy_judged < run.figures.healthy for run in runs))


def _script(kind: str, healthy: int, hostile: int) -> NetworkScript:
    """Return the script of a network with so many nodes of each."""
    faults = [fault for fault in Fault if fault is not Fault.NONE] if kind == ALL else [Fault(kind)]
    if faults == [Fault.NONE]:
        hostile = 0
    nodes = healthy + hostile
    shares = {fault: count / nodes for fault, count in _parts(faults, hostile).items()}
    return NetworkScript(nodes, 1, start=START, calm=True, shares=shares, ipv6=False)


def _parts(faults: Sequence[Fault], hostile: int) -> Mapping[Fault, int]:
    """Return how many nodes have each fault: as equal as can be, and as many in all."""
    each, more = divmod(hostile, len(faults))
    counts = {fault: each + (number < more) for number, fault in enumerate(faults)}
    return {fault: count for fault, count in counts.items() if count}


async def _measure(
    script: NetworkScript, impostors: int, arguments: Sequence[str]
) -> list[Figures]:
    """Crawl a network of healthy and hostile nodes, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-hostile-") as name:
        folder = Path(name)
        options = NetworkOptions(folder=folder, impostors=impostors)
        async with NetworkWorker(script, options) as network:
            (folder / CONFIG_FILE).write_text(network.config_toml(), encoding="utf-8")
            write_truth(folder, [truth_at(script, index, START) for index in range(len(script))])
            command = (sys.executable, "-m", "bench.hostile", "--child", name)
            child = await asyncio.create_subprocess_exec(
                *command, *arguments, stdout=subprocess.PIPE
            )
            output, _ = await child.communicate()
    if child.returncode:
        raise SystemExit(f"the client ended with {child.returncode}")
    return TypeAdapter(list[Figures]).validate_json(output.splitlines()[-1])


def _show(runs: Sequence[Run]) -> None:
    table = Table(title="Healthy nodes beside hostile ones")
    for heading in (
        *("hostile kind", "round", "nodes", "healthy", "judged", "blamed", "IPv6", "vantage"),
        *("CPU s", "late s", "worst s", "open", "KB/open", "round s", "failures"),
    ):
        table.add_column(heading, justify="right")
    for run in runs:
        figures = run.figures
        table.add_row(
            run.kind,
            f"{run.round}",
            f"{figures.hostile}",
            f"{figures.healthy}",
            f"{figures.healthy_judged}",
            f"{figures.healthy_blamed}",
            f"{figures.ipv6_measured}",
            figures.vantage,
            f"{figures.cpu_seconds:.2f}",
            f"{figures.late_seconds:.2f}",
            f"{figures.worst_seconds:.2f}",
            f"{figures.open_visits}",
            f"{figures.rss_bytes / 1e3 / max(1, figures.open_visits):.0f}",
            f"{figures.seconds:.1f}",
            _in_short(figures.failures),
        )
    Console(width=150).print(table)


def _in_short(failures: Mapping[str, int]) -> str:
    """Return the most frequent failures, and of how many kinds the others are."""
    most = sorted(failures.items(), key=lambda pair: -pair[1])
    shown = [f"{name} {count}" for name, count in most[:_SHOWN]]
    return ", ".join(shown) + (f", {len(most) - _SHOWN} others" if len(most) > _SHOWN else "")


if __name__ == "__main__":
    sys.exit(main())
