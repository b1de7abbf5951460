"""Measures this collector beside other clients that crawl the same simulated fleet.

Each client runs in a process of its own on one processor, and the network on another; see
`Who` in `bench/clients/client.py` for the clients, and their modules for what each one does. Cases
are a healthy fleet, one of which a tenth of the nodes hangs (half of those never accept, half never
finish a response), and a healthy one while a busy loop shares the client's processor. The last line
is JSON.

With `--results`, what was measured is kept in a file, and a further run measures only what the file
lacks: so a long run can be made in several. `--write` writes the tables of docs/performance.md.

    python -m bench.peers [--nodes 500,2000,10000] [--who collector,aiohttp,…] [--cases healthy,…]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil
from pydantic import TypeAdapter
from rich.console import Console

from bench.clients.blackbox import MISSING, find_binary
from bench.clients.client import Who
from bench.clients.figures import Figures
from bench.clients.fleet import Fleet
from bench.clients.results import Case, Result, ResultsFile
from bench.clients.simulated_fleet import open_fleet
from bench.clients.tables import ratios_to, terminal_table, write_page
from bench.usage import sampling
from crn_simulator.server.worker import raise_descriptor_limit

PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
CASES: Final = ("healthy", "hanging", "busy")
_SATURATED: Final = 0.95
_DISTURBED: Final = 0.05


@dataclass(frozen=True, slots=True)
class Processors:
    """The processors of the network and of the client; None where there is but one."""

    network: int | None
    client: int | None

    @classmethod
    def of_this_machine(cls) -> Processors:
        """Return the first two that this process may run on."""
        allowed = sorted(os.sched_getaffinity(0))
        if len(allowed) < 2:
            print("only one processor: clients share it with the network", file=sys.stderr)  # noqa: T201
            return cls(None, None)
        return cls(allowed[0], allowed[1])


def main() -> None:
    """Measure what is asked for, print a table, then a line of JSON."""
    options = _options()
    raise_descriptor_limit()
    processors = Processors.of_this_machine()
    if processors.network is not None:
        os.sched_setaffinity(0, {processors.network})
    kept = ResultsFile(options.results)
    for nodes in map(int, options.nodes.split(",")):
        for name in options.cases.split(","):
            hanging = options.hanging if name == "hanging" else 0.0
            case = Case(nodes, hanging, options.busy if name == "busy" else 0)
            asyncio.run(_measure_case(case, options, processors, kept))
    results = kept.combined()
    if options.write:
        write_page(PAGE, results)
    Console(width=180).print(terminal_table(results))
    ratios = ratios_to(Who.AIOHTTP, results)
    rows = [asdict(r) | {"cpu_to_aiohttp": ratios.get((r.case, r.who))} for r in results]
    print(json.dumps(rows))  # noqa: T201


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--nodes", default="500,2000,10000", help="sizes, between commas")
    parser.add_argument("--who", default=",".join(Who), help=f"of {', '.join(Who)}; between commas")
    parser.add_argument(
        "--cases", default=",".join(CASES), help=f"of {', '.join(CASES)}; between commas"
    )
    parser.add_argument("--hanging", type=float, default=0.1, help="share of nodes in `hanging`")
    parser.add_argument("--busy", type=int, default=1, help="loops in the case `busy`")
    parser.add_argument("--spread", type=float, default=30.0, help="seconds")
    parser.add_argument("--rounds", type=int, default=1, help="of each client, in turns")
    parser.add_argument("--results", type=Path, help="file that keeps results between runs")
    parser.add_argument("--write", action="store_true", help=f"write the tables of {PAGE.name}")
    return parser.parse_args()


def _clients(names: str) -> list[Who]:
    """Return the clients that are named, without those that are not installed."""
    clients = [Who(name) for name in names.split(",")]
    if Who.BLACKBOX in clients and find_binary() is None:
        print(f"left out: {MISSING}", file=sys.stderr)  # noqa: T201
        clients.remove(Who.BLACKBOX)
    return clients


async def _measure_case(
    case: Case, options: argparse.Namespace, processors: Processors, kept: ResultsFile
) -> None:
    """Measure every client in one case, in turns, on one network."""
    clients = _clients(options.who)
    turns = [
        who for turn in range(options.rounds) for who in clients if kept.count(who, case) <= turn
    ]
    if not turns:
        return
    async with open_fleet(case) as fleet:
        for who in turns:
            with _busy_loops(case.busy, processors.client):
                result = await _measure(who, case, fleet, options.spread, processors)
            kept.add(result)
            _report(result)


def _report(result: Result) -> None:
    """Say how a measurement went, and whether it can be believed."""
    print(  # noqa: T201
        f"{result.nodes} nodes, {result.case.title}: {result.who} {result.cpu_ms_per_node:.2f} ms "
        f"per node, {result.round_seconds:.1f} s, {result.false_failures} false failures",
        file=sys.stderr,
    )
    if result.network_ratio > _SATURATED:
        print("the network's processor was saturated: spread longer", file=sys.stderr)  # noqa: T201
    if not result.busy and result.waited_ratio > _DISTURBED:
        print(  # noqa: T201
            f"others had the client's processor for {result.waited_ratio:.0%} of the round: "
            "repeat it when the machine has nothing else to do",
            file=sys.stderr,
        )


@contextlib.contextmanager
def _busy_loops(count: int, processor: int | None) -> Iterator[None]:
    """Keep a processor busy meanwhile with so many loops."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        for loop in loops:
            if processor is not None:
                os.sched_setaffinity(loop.pid, {processor})
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


async def _measure(
    who: Who, case: Case, fleet: Fleet, spread_seconds: float, processors: Processors
) -> Result:
    """Measure a client in a process of its own; raise SystemExit if that ends with an error."""
    network = psutil.Process(multiprocessing.active_children()[0].pid)
    samples: list[tuple[float, float]] = []

    def sample() -> None:
        times = network.cpu_times()
        samples.append((time.monotonic(), times.user + times.system))

    command = [sys.executable, "-m", "bench.clients", who, "--fleet", str(fleet.folder)]
    command += ["--spread", str(spread_seconds)]
    if processors.client is not None:
        command += ["--processor", str(processors.client)]
    async with sampling(sample, seconds=0.25):
        child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        output, _ = await child.communicate()
    if child.returncode:
        raise SystemExit(f"{who} ended with {child.returncode}")
    figures = TypeAdapter(Figures).validate_json(output.splitlines()[-1])
    ratio = _ratio(samples, figures.began, figures.ended)
    return Result.of(who, case, figures, spread_seconds, ratio)


def _ratio(samples: Sequence[tuple[float, float]], began: float, ended: float) -> float:
    """Return the share of a processor that was used between two times."""
    within = [(at, used) for at, used in samples if began <= at <= ended]
    if len(within) < 2:
        return 0.0
    (first, before), (last, after) = within[0], within[-1]
    return (after - before) / (last - first)


if __name__ == "__main__":
    main()
