"""Measures which healthy nodes are blamed while the collector is starved, or its way is slow.

The simulated network has a processor of its own. The collector shares another one with busy loops,
or is stopped (SIGSTOP) in the middle of each round. Kinds: `single` is one round at once, as
`crawl` does; `run` is one at once and then others that are spread, as `run` does. In `slow_dns` and
`slow_route`, also rounds at once, what is slow or loses packets is the name server, or the way to
every host. A few nodes are silent (half of them never accept, half never finish their response):
they are to be judged too. The last line is JSON, an object for each round.

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
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import uvloop
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from bench.usage import cpu_seconds
from collector.crawl.crawler import Crawler
from collector.crawl.ports import RoundObserver
from collector.crawl.round import RoundRequest, RoundResult, RoundTiming
from collector.model.observation import Observation
from collector.schema.measurements import Collector
from collector.service.load_settings import load_settings
from collector.service.wiring import open_parts
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions
from crn_simulator.server.route import Route
from crn_simulator.server.worker import NetworkWorker, raise_descriptor_limit
from crn_simulator.truth.node_truth import truth_at

START: Final = 1_800_000_000
SINGLE, RUN, SLOW_DNS, SLOW_ROUTE = KINDS = ("single", "run", "slow_dns", "slow_route")
_DNS_ROUTES: Final = (
    *(Route(seconds) for seconds in (0.3, 1.0, 2.0, 3.0, 4.0)),
    *(Route(0.05, seconds) for seconds in (0.5, 1.0, 2.0, 4.0)),
    *(Route(0.05, loss_ratio=ratio) for ratio in (0.1, 0.3, 0.5)),
)
_ROUTES: Final = (
    *(Route(seconds) for seconds in (0.3, 0.6, 1.0, 1.5, 2.5)),
    *(Route(0.1, seconds) for seconds in (0.2, 0.4, 0.8, 1.6)),
    *(Route(0.1, loss_ratio=ratio) for ratio in (0.05, 0.1, 0.2, 0.4)),
)
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


@dataclass(frozen=True, slots=True)
class Case:
    """How the collector is starved: by so many busy loops, and stopped for so long in a round.

    The others are of the way that is slow; see `Route`.
    """

    kind: str
    busy: int = 0
    stopped_seconds: float = 0.0
    round_trip_seconds: float = 0.0
    jitter_seconds: float = 0.0
    loss_ratio: float = 0.0

    @classmethod
    def slow(cls, kind: str, route: Route) -> Self:
        return cls(kind, 0, 0.0, route.round_trip_seconds, route.jitter_seconds, route.loss_ratio)

    @property
    def route(self) -> Route:
        return Route(self.round_trip_seconds, self.jitter_seconds, self.loss_ratio)

    @property
    def network(self) -> NetworkOptions:
        """The network's ways, of which at most one is slow."""
        if self.kind == SLOW_DNS:
            return NetworkOptions(dns_route=self.route)
        return NetworkOptions(route=self.route)


@dataclass(frozen=True, slots=True)
class Figures:
    """One round.

    blamed: healthy nodes with a failure that counts against them; judged: those, and the reachable
    ones; down: healthy nodes that were down after the round. silent_judged: silent nodes with a
    failure that counts against them. failures: of the healthy nodes; silent_failures: of the
    silent ones. cpu_seconds, late_seconds, worst_seconds: of the collector, and of its event loop
    in sum within 5 seconds and at once.
    """

    round: int
    healthy: int
    blamed: int
    judged: int
    down: int
    silent: int
    silent_judged: int
    round_seconds: float
    vantage_reason: str
    failures: dict[str, int]
    silent_failures: dict[str, int]
    cpu_seconds: float
    late_seconds: float
    worst_seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """The figures of one round of one case."""

    case: Case
    figures: Figures

    def json(self) -> dict[str, Any]:
        """Return all figures in one flat object."""
        return {**asdict(self.case), **asdict(self.figures)}


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
        print(json.dumps([asdict(f) for f in uvloop.run(_crawl(options.child, options.rounds))]))  # noqa: T201
        return
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < 2:
        raise SystemExit("bench.starved needs two processors, one for the network: there is one")
    # The network inherits it.
    os.sched_setaffinity(0, processors[:-1])
    runs = asyncio.run(_measure(options, processors[-1]))
    _show(runs)
    print(json.dumps([run.json() for run in runs]))  # noqa: T201


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    for kind in options.kinds.split(","):
        if kind in (SLOW_DNS, SLOW_ROUTE):
            routes = _DNS_ROUTES if kind == SLOW_DNS else _ROUTES
            yield from (Case.slow(kind, route) for route in routes)
            continue
        for busy in filter(None, options.busy.split(",")):
            yield Case(kind, int(busy))
        for seconds in filter(None, options.stops.split(",")):
            yield Case(kind, 0, float(seconds))


async def _measure(options: argparse.Namespace, processor: int) -> list[Run]:
    """Crawl one network in every case; the collector and the busy loops share the processor."""
    nodes = options.nodes + options.silent
    share = options.silent / nodes / 2
    shares = {Fault.BLACK_HOLE: share, Fault.HANG_AFTER_HEADERS: share} if share else None
    script = NetworkScript(nodes, 1, start=START, calm=True, shares=shares, ipv6=False)
    truths = [truth_at(script, index, START) for index in range(nodes)]
    expected = {truth.node: truth.reachable for truth in truths}
    runs = []
    for network_options, cases in itertools.groupby(_cases(options), lambda case: case.network):
        with tempfile.TemporaryDirectory(prefix="bench-starved-") as name:
            folder = Path(name)
            (folder / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
            async with NetworkWorker(script, replace(network_options, folder=folder)) as network:
                (folder / "crn.toml").write_text(network.config_toml(), encoding="utf-8")
                for case in cases:
                    rounds = options.rounds if case.kind == RUN else 1
                    measured = await _run(case, rounds, processor, folder)
                    runs += [Run(case, figures) for figures in measured]
                    print(f"done: {case}", file=sys.stderr)  # noqa: T201
    return runs


async def _run(case: Case, rounds: int, processor: int, folder: Path) -> list[Figures]:
    """Crawl in a child process; the busy loops begin when it has started up."""
    command = ("-m", "bench.starved", "--child", str(folder), "--rounds", str(rounds))
    async with _pinned(processor, *command) as child:
        if not child.stdin or not child.stdout or await child.stdout.readline() != _READY:
            raise SystemExit("the collector did not start")
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(case.busy):
                await stack.enter_async_context(_pinned(processor, "-c", _BUSY_LOOP))
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
                figures.append(_figures(number, done, expected, seconds, cpu))
    return figures


def _figures(
    number: int, done: RoundResult, expected: dict[str, bool], seconds: float, cpu: float
) -> Figures:
    own = next(point for point in done.points if isinstance(point, Collector))
    statuses = {status.node.hash: status for status in done.judged.statuses}
    visits = {key: status.observation for key, status in statuses.items()}
    healthy = {key: visits[key] for key, reachable in expected.items() if reachable}
    silent = {key: visits[key] for key, reachable in expected.items() if not reachable}
    blamed = _blamed(healthy)
    return Figures(
        round=number,
        healthy=len(healthy),
        blamed=blamed,
        judged=blamed + sum(bool(visit and visit.reachable) for visit in healthy.values()),
        down=sum(statuses[key].up is False for key in healthy),
        silent=len(silent),
        silent_judged=_blamed(silent),
        round_seconds=round(seconds, 2),
        vantage_reason=str(done.judged.reason),
        failures=_failures(healthy),
        silent_failures=_failures(silent),
        cpu_seconds=round(cpu, 2),
        late_seconds=round(own.loop_late_seconds, 2),
        worst_seconds=round(own.loop_lag_seconds, 2),
    )


def _blamed(visits: dict[str, Observation | None]) -> int:
    return sum(bool(visit and visit.failure.counts_against_node) for visit in visits.values())


def _failures(visits: dict[str, Observation | None]) -> dict[str, int]:
    return dict(
        Counter(str(visit.failure) if visit else "not_visited" for visit in visits.values())
    )


def _show(runs: list[Run]) -> None:
    table = Table(title="Healthy nodes and silent ones, seen by a collector short of processor")
    for heading in (
        *("kind", "busy", "stopped s", "way", "round", "healthy", "blamed", "judged", "down"),
        *("silent", "judged", "round s", "CPU s", "late s", "worst s", "vantage", "failures"),
    ):
        table.add_column(heading, justify="right")
    for run in runs:
        case, figures = run.case, run.figures
        table.add_row(
            case.kind,
            f"{case.busy}",
            f"{case.stopped_seconds:g}",
            f"{case.round_trip_seconds:g}+{case.jitter_seconds:g} s {case.loss_ratio:.0%}",
            f"{figures.round}",
            f"{figures.healthy}",
            f"{figures.blamed}",
            f"{figures.judged}",
            f"{figures.down}",
            f"{figures.silent}",
            f"{figures.silent_judged}",
            f"{figures.round_seconds:.1f}",
            f"{figures.cpu_seconds:.2f}",
            f"{figures.late_seconds:.2f}",
            f"{figures.worst_seconds:.2f}",
            figures.vantage_reason,
            ", ".join(f"{name} {count}" for name, count in figures.failures.items()),
        )
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
