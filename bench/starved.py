"""Measures which healthy nodes are blamed while the collector is starved, or its way is slow.

The simulated network has a processor of its own. The collector shares another one with busy loops,
or is stopped (SIGSTOP) in the middle of each round. Kinds: `single` is one round at once, as
`crawl` does; `run` is one at once and then others that are spread, as `run` does. In `slow_dns` and
`slow_route` what is slow or loses packets is the name server, or the way to every host; in
`slow_nodes` it is a third of the nodes. In `throttled` a control group gives the collector little
processor time or memory. These are single rounds at once.

A few nodes are silent (half of them never accept, half never finish their response): they are to be
judged too. The last line is JSON, an object for each round.

    python -m bench.starved [--nodes 567] [--busy 0,4,8] [--stops 1,3,10] [--kinds single,run]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from bench.control_group import throttled
from bench.starved_cases import KINDS, RUN, Case, cases_of
from bench.starved_figures import Figures, Run, figures_of, show
from bench.usage import cpu_seconds
from collector.crawl.crawler import Crawler
from collector.crawl.ports import RoundObserver
from collector.crawl.round import RoundRequest, RoundTiming
from collector.model.observation import Observation
from collector.service.event_loop import run_async
from collector.service.load_settings import load_settings
from collector.service.wiring import open_parts
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.worker import NetworkWorker, raise_descriptor_limit
from crn_simulator.truth.node_truth import truth_at

START: Final = 1_800_000_000
_MIDWAY_SHARE: Final = 0.3
"""Share of the nodes that a round has visited when it is stopped."""
_BUSY_LOOP: Final = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""
_READY, _MIDWAY, _GO = b"ready\n", b"midway\n", b"go\n"


def main() -> None:
    """Measure every case, print a table, then a line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--nodes", type=int, default=567, help="healthy nodes")
    parser.add_argument("--silent", type=int, default=20, help="silent nodes beside them")
    parser.add_argument("--busy", default="0,2,4,8,16,32", help="busy loops, between commas")
    parser.add_argument("--stops", default="1,3,10", help="seconds stopped; empty for none")
    parser.add_argument("--kinds", default=",".join(KINDS), help="between commas")
    parser.add_argument("--rounds", type=int, default=3, help=f"rounds of the kind {RUN}")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    raise_descriptor_limit()
    if options.child:
        # uvloop reports each connection that it closed while a handshake waited.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        print(json.dumps([asdict(f) for f in run_async(_crawl(options.child, options.rounds))]))  # noqa: T201
        return
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        raise SystemExit("bench.starved needs two processors, one for the network: there is one")
    # The network inherits it.
    os.sched_setaffinity(0, processors[:-1])
    runs = asyncio.run(_measure(options, processors[-1]))
    show(runs)
    print(json.dumps([run.json() for run in runs]))  # noqa: T201


async def _measure(options: argparse.Namespace, processor: int) -> list[Run]:
    """Crawl one network in every case; the collector and the busy loops share the processor."""
    busy = [int(text) for text in options.busy.split(",") if text]
    stops = [float(text) for text in options.stops.split(",") if text]
    kinds = options.kinds.split(",")
    cases = [case for kind in kinds for case in cases_of(kind, busy, stops)]
    runs = []
    for (network, shares), group in itertools.groupby(
        cases, lambda case: (case.network, case.shares)
    ):
        with tempfile.TemporaryDirectory(prefix="bench-starved-") as name:
            folder = Path(name)
            script = _script(options, shares, folder)
            async with NetworkWorker(script, replace(network, folder=folder)) as worker:
                (folder / "crn.toml").write_text(worker.config_toml(), encoding="utf-8")
                for case in group:
                    rounds = options.rounds if case.kind == RUN else 1
                    try:
                        measured = await _run(case, rounds, processor, folder)
                    except OSError as error:
                        print(f"left out: {case.kind}, {case}: {error}", file=sys.stderr)  # noqa: T201
                        continue
                    runs += [Run(case, figures) for figures in measured]
                    found = "; ".join(map(str, measured))
                    print(f"{case.kind}, {case}: {found}", file=sys.stderr)  # noqa: T201
    return runs


def _script(options: argparse.Namespace, shares: dict[Fault, float], folder: Path) -> NetworkScript:
    """Return a network with silent nodes; which nodes are reachable is written to the folder."""
    nodes = options.nodes + options.silent
    silent = options.silent / nodes / 2
    shares = {**shares, Fault.BLACK_HOLE: silent, Fault.HANG_AFTER_HEADERS: silent}
    script = NetworkScript(nodes, 1, start=START, calm=True, shares=shares, ipv6=False)
    truths = [truth_at(script, index, START) for index in range(nodes)]
    expected = {truth.node: truth.reachable for truth in truths}
    (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
    return script


async def _run(case: Case, rounds: int, processor: int, folder: Path) -> list[Figures]:
    """Crawl in a child process; the busy loops begin when it has started up."""
    command = ("-m", "bench.starved", "--child", str(folder), "--rounds", str(rounds))
    async with _pinned(processor, *command) as child:
        if not child.stdin or not child.stdout or await child.stdout.readline() != _READY:
            raise SystemExit("the collector did not start")
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(case.busy):
                await stack.enter_async_context(_pinned(processor, "-c", _BUSY_LOOP))
            stack.enter_context(throttled(child.pid, case.processor_share, case.memory_bytes))
            child.stdin.write(_GO)
            line = await child.stdout.readline()
            while line == _MIDWAY:
                if case.stopped_seconds:
                    child.send_signal(signal.SIGSTOP)
                    await asyncio.sleep(case.stopped_seconds)
                    child.send_signal(signal.SIGCONT)
                line = await child.stdout.readline()
    if not line:
        raise SystemExit("the collector ended without figures")
    return TypeAdapter(list[Figures]).validate_json(line)


@contextlib.asynccontextmanager
async def _pinned(processor: int, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run Python on one processor; it is killed at the end."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        os.sched_setaffinity(child.pid, {processor})
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


class _Midway(RoundObserver):
    """Writes a line when a round has visited its share of the nodes."""

    def __init__(self) -> None:
        self._left = 0

    def on_start(self, request: RoundRequest, nodes: int) -> None:
        self._left = round(nodes * _MIDWAY_SHARE)

    def on_observation(self, observation: Observation) -> None:
        self._left -= 1
        if self._left == 0:
            os.write(sys.stdout.fileno(), _MIDWAY)


async def _crawl(folder: Path, rounds: int) -> list[Figures]:
    """Crawl rounds, the first at once, as `run` does, with the default limits."""
    expected: dict[str, bool] = json.loads((folder / "expected.json").read_text())
    figures = []
    with tempfile.TemporaryDirectory(prefix="bench-starved-child-") as name:
        settings = load_settings(folder / "crn.toml", data_dir=Path(name))
        limits = settings.rounds
        async with open_parts(settings) as parts:
            await parts.nodes.listing()
            os.write(sys.stdout.fileno(), _READY)
            if await asyncio.to_thread(sys.stdin.readline) != _GO.decode():
                raise SystemExit("the bench ended")
            crawler = Crawler(parts, [_Midway()])
            for number in range(rounds):
                spread_seconds = limits.spread_seconds if number else 0.0
                timing = RoundTiming(spread_seconds, limits.deadline_seconds)
                cpu, started = cpu_seconds(), time.perf_counter()
                at = START + limits.interval_seconds * number
                done = await crawler.round(RoundRequest(at, timing))
                seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
                figures.append(figures_of(number, done, expected, seconds, cpu))
    return figures


if __name__ == "__main__":
    main()
