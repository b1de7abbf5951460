"""Measures the memory of `run` as the kernel (Linux) counts it, and whether it grows.

Each size is crawled by `python -m collector run` with default settings on simulated TLS nodes, in
a process of its own: once with the embedded store alone, once delivering to a real InfluxDB too.
The first round writes every slow fact. What is measured is the peak of resident memory up to the
end of the first round, and that of the later rounds.

Growth is measured in one process that crawls scripted rounds one after another, with the whole way
from the list to the file except visits: nodes join, leave, fail and change their names. The last
line is JSON.

    python -m bench.memory [--nodes 600,10000] [--rounds 1] [--growth-rounds 10000]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import signal
import sqlite3
import statistics
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import collector.cli.main  # noqa: F401 - so that a process has the memory of the command
from bench.usage import forget_peak, peak_bytes, resident_bytes
from collector.crawl.crawler import Crawler
from collector.crawl.round import RoundRequest, RoundTiming
from collector.service.event_loop import run_async
from collector.service.load_settings import load_settings
from collector.service.scripted_past import ScriptedPast
from collector.service.wiring import open_parts
from collector.times import DAY
from crn_simulator.script.network_script import NetworkScript

START: Final = 1_800_000_000
WARM_UP_ROUNDS: Final = 2_000
"""Before growth is measured: by then the store deletes as much as it adds, which it does when it
holds a day."""
_SAMPLED_ROUNDS: Final = 100
"""Of which the median counts, at the begin and at the end."""
_DIRECTORY: Final = "[directory]\n"
_LONG_DIRECTORY: Final = f"{_DIRECTORY}nodes_limit = 11000\n"
"""The simulated list of 10,000 nodes has a few entries more, which are no nodes."""
_ROUND_SECONDS: Final = 180
"""Longest that a round may take to be stored."""


@dataclass(frozen=True, slots=True)
class Use:
    """Memory of the command with so many nodes, in bytes.

    first_round_rss_bytes: peak up to the end of the first round. later_rss_bytes: peak after it.
    resident_bytes: at the end.
    """

    nodes: int
    delivery: bool
    first_round_rss_bytes: int
    later_rss_bytes: int
    resident_bytes: int

    @property
    def max_rss_bytes(self) -> int:
        """Return the peak of all."""
        return max(self.first_round_rss_bytes, self.later_rss_bytes)


@dataclass(frozen=True, slots=True)
class Growth:
    """Resident memory after the first rounds and after all of them, in bytes."""

    nodes: int
    rounds: int
    warm_rss_bytes: int
    end_rss_bytes: int

    @property
    def growth_ratio(self) -> float:
        """Return by which part it grew."""
        return self.end_rss_bytes / self.warm_rss_bytes - 1


def main() -> None:
    """Measure, print tables, then a line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--nodes", default="600,10000", help="sizes, between commas")
    parser.add_argument("--rounds", type=int, default=1, help="rounds after the first one")
    parser.add_argument("--growth-rounds", type=int, default=10_000, help="0 measures no growth")
    parser.add_argument("--growth-nodes", type=int, default=200)
    parser.add_argument("--growth-only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.growth_only:
        grown = run_async(measure_growth(options.growth_nodes, options.growth_rounds))
        print(json.dumps(asdict(grown)))  # noqa: T201
        return
    sizes = [int(nodes) for nodes in options.nodes.split(",") if nodes]
    uses = [
        asyncio.run(measure_use(nodes, delivery, options.rounds))
        for nodes in sizes
        for delivery in (False, True)
    ]
    growth = asyncio.run(_growth(options)) if options.growth_rounds else None
    _show(uses, growth)
    print(json.dumps(_document(uses, growth)))  # noqa: T201


async def measure_use(nodes: int, delivery: bool, rounds: int) -> Use:
    """Return what `run` uses in its first round and in so many more."""
    from crn_simulator.server.network import NetworkOptions
    from crn_simulator.server.worker import NetworkWorker, raise_descriptor_limit

    raise_descriptor_limit()
    script = NetworkScript(nodes, 1, start=START, calm=True, ipv6=False)
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as named, _influxdb(delivery) as toml:
        folder = Path(named)
        async with NetworkWorker(script, NetworkOptions(folder=folder)) as network:
            config = f"{network.config_toml().replace(_DIRECTORY, _LONG_DIRECTORY, 1)}{toml}"
            (folder / "crn.toml").write_text(config, encoding="utf-8")
            async with _running(folder) as pid:
                await _wait_for_rounds(folder, 1)
                first = peak_bytes(pid)
                forget_peak(pid)
                await _wait_for_rounds(folder, 1 + rounds)
                later, resident = peak_bytes(pid), resident_bytes(pid)
    print(f"done: {nodes} nodes, delivery {delivery}", file=sys.stderr)  # noqa: T201
    return Use(nodes, delivery, first, later, resident)


@contextlib.contextmanager
def _influxdb(wanted: bool) -> Iterator[str]:
    """Run an InfluxDB 1.8 with a database if wanted; yield the settings that name it."""
    if not wanted:
        yield ""
        return
    from tests.support import influx_servers

    if "1.8" not in influx_servers.binaries():
        raise SystemExit("no InfluxDB 1.8: `make servers` gets it")
    with influx_servers.running("1.8") as influx:
        influx.ask("/query", b"", q="CREATE DATABASE bench")
        yield f'\n[influxdb]\nurl = "{influx.url}"\nbucket = "bench"\n'


@contextlib.asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[int]:
    """Run the command meanwhile; yield its process's id."""
    options = ("--config", str(folder / "crn.toml"), "run", "--data-dir", str(folder / "store"))
    command = (sys.executable, "-m", "collector", *options)
    with (folder / "log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(*command, stderr=log)
        try:
            yield child.pid
        except BaseException:
            sys.stderr.write((folder / "log").read_text()[-5000:])
            raise
        finally:
            child.send_signal(signal.SIGTERM)
            await child.wait()


async def _wait_for_rounds(folder: Path, count: int) -> None:
    """Return when so many rounds are stored and nothing of them waits for delivery."""
    async with asyncio.timeout(_ROUND_SECONDS * count):
        while not _is_stored(folder / "store" / "collector.db", count):  # noqa: ASYNC110
            await asyncio.sleep(0.5)  # the file is another process's


def _is_stored(file: Path, count: int) -> bool:
    if not file.exists():
        return False
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        try:
            (rounds,) = database.execute("SELECT count(*) FROM rounds").fetchone()
            (waiting,) = database.execute("SELECT count(*) FROM spool").fetchone()
        except sqlite3.OperationalError:  # not made yet
            return False
    return rounds >= count and not waiting


async def _growth(options: argparse.Namespace) -> Growth:
    """Measure growth in a process of its own."""
    numbers = ("--growth-rounds", options.growth_rounds, "--growth-nodes", options.growth_nodes)
    command = (sys.executable, "-m", "bench.memory", "--growth-only", *map(str, numbers))
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await child.communicate()
    if child.returncode:
        raise SystemExit(f"the process for growth ended with {child.returncode}")
    return Growth(**json.loads(output.splitlines()[-1]))


async def measure_growth(nodes: int, rounds: int) -> Growth:
    """Return the memory of this process after the warm-up and after all rounds."""
    script = NetworkScript(nodes, 1, start=START - DAY)
    past = ScriptedPast([443] * nodes, script)
    timing = RoundTiming(0, 50, starts_per_second=1e6)
    warm: list[int] = []
    last: deque[int] = deque(maxlen=_SAMPLED_ROUNDS)  # all of them would be growth themselves
    with tempfile.TemporaryDirectory(prefix="bench-growth-") as folder:
        settings = load_settings(None, data_dir=Path(folder), store={"retention_days": 1})
        async with open_parts(settings) as parts:
            crawler = Crawler(dataclasses.replace(parts, nodes=past, prober=past, controls=past))
            for number in range(WARM_UP_ROUNDS + rounds):
                past.time = START + number * settings.rounds.interval_seconds
                await crawler.round(RoundRequest(past.time, timing))
                last.append(resident_bytes())
                if number == WARM_UP_ROUNDS + _SAMPLED_ROUNDS - 1:
                    warm = list(last)
                if number % 500 == 0:
                    print(f"round {number}: {last[-1] / 1e6:.1f} MB", file=sys.stderr)  # noqa: T201
    medians = [int(statistics.median(samples)) for samples in (warm, last)]
    return Growth(nodes, rounds, *medians)


def _show(uses: list[Use], growth: Growth | None) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Peak of resident memory of `run`, MB")
    for heading in ("nodes", "InfluxDB", "first round", "later rounds", "at the end"):
        table.add_column(heading, justify="right")
    for use in uses:
        bytes_ = (use.first_round_rss_bytes, use.later_rss_bytes, use.resident_bytes)
        shown = [f"{b / 1e6:.1f}" for b in bytes_]
        table.add_row(f"{use.nodes}", "yes" if use.delivery else "no", *shown)
    console = Console(width=110)
    console.print(table)
    if growth:
        console.print(
            f"growth over {growth.rounds:,} rounds of {growth.nodes} nodes: "
            f"{growth.warm_rss_bytes / 1e6:.1f} to {growth.end_rss_bytes / 1e6:.1f} MB, "
            f"{growth.growth_ratio:+.2%}"
        )


def _document(uses: list[Use], growth: Growth | None) -> dict[str, object]:
    document: dict[str, object] = {
        "uses": [asdict(use) | {"max_rss_bytes": use.max_rss_bytes} for use in uses]
    }
    if growth:
        document["growth"] = asdict(growth) | {"growth_ratio": round(growth.growth_ratio, 4)}
    return document


if __name__ == "__main__":
    main()
