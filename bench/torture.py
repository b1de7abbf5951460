"""Kills the collector at random moments of crawl, spool and delivery, and counts what is lost.

A simulated network is crawled round after round, in simulated time, into a store on a small disk
and from there into a real InfluxDB. The collector is killed with `kill -9`, the database is stopped
and started, the disk is filled and emptied. In the end every point that was stored must be in the
database exactly once, with the values of the simulated truth, and so must every event.

The last line is JSON; the exit code is 1 if anything was lost, doubled or wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.torture_check import InfluxRows, TortureReport, check
from crn_simulator.script.fault import Fault
from crn_simulator.script.incident import Incident
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions, SimulatedNetwork
from tests.support import influx_servers as servers
from tests.support.disk_faults import empty, fill, small_disk_in

ROOT = Path(__file__).parents[1]
BUCKET = "torture"
INTERVAL = 60
DISK_BYTES = 96 * 1024 * 1024
START_SECONDS = 60.0
QUICK_FAULTS = (
    Fault.REFUSED,
    Fault.RESET_IN_TLS,
    Fault.CERT_EXPIRED,
    Fault.DNS_NOT_FOUND,
    Fault.UNAVAILABLE,
    Fault.WEB_SERVER,
)


class RunningCollector:
    """A collector in a process of its own, and the connection by which it takes commands."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.pid = 0

    async def greet(self) -> None:
        """Read its process number."""
        self.pid = int(await self._reader.readline())

    async def ask(self, command: str) -> str:
        """Return its answer to a command; '' if it died meanwhile."""
        try:
            self._writer.write(f"{command}\n".encode())
            await self._writer.drain()
            return (await self._reader.readline()).decode().strip()
        except ConnectionError:
            return ""

    async def kill(self) -> None:
        """Kill it with `kill -9`."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ConnectionError):
            await self._reader.read()
        await self.disconnect()

    async def disconnect(self) -> None:
        """Let it end by itself."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


class CollectorForks:
    """Forks collectors from one process that has imported everything."""

    def __init__(self, config: Path, folder: Path) -> None:
        self._socket = folder / "torture.socket"
        self._arguments = [str(config), str(self._socket), str(folder / "collectors.log")]
        self._connected: asyncio.Queue[RunningCollector] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[CollectorForks]:
        """Start the process that forks."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            running = RunningCollector(reader, writer)
            await running.greet()
            self._connected.put_nowait(running)

        server = await asyncio.start_unix_server(accept, self._socket)
        self._parent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.torture_worker", *self._arguments),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            env=_environment(),
        )
        try:
            yield self
        finally:
            server.close()
            assert self._parent.stdin
            self._parent.stdin.close()
            await self._parent.wait()

    async def fork(self) -> RunningCollector:
        """Return a new collector, which has opened nothing yet."""
        assert self._parent.stdin
        self._parent.stdin.write(b"\n")
        async with asyncio.timeout(START_SECONDS):
            return await self._connected.get()


@dataclass
class Torture:
    """One run."""

    network: SimulatedNetwork
    forks: CollectorForks
    database: servers.Instance
    disk: Path
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    announced: list[int] = field(default_factory=list)
    collector: RunningCollector | None = None
    is_database_up: bool = True
    is_disk_full: bool = False
    round_seconds: float = 0.2
    """Usual duration of a round, to kill before and after its end."""

    async def cycle(self, now: int) -> None:
        """One round, with whatever happens to it."""
        await self.network.set_time(now)
        await self._change_surroundings()
        if self.collector is None:
            self.collector = await self.forks.fork()
        if self.chance.random() < 0.7:
            await self._killed_round(now)
            return
        started = time.perf_counter()
        answer = await self.collector.ask(f"round {now}")
        self._note(now, answer)
        if answer:
            seconds = time.perf_counter() - started
            self.round_seconds = 0.8 * self.round_seconds + 0.2 * seconds
        else:
            await self._note_death()

    async def _killed_round(self, now: int) -> None:
        """Kill at any moment: while opening, crawling, storing, delivering, or after."""
        assert self.collector
        asking = asyncio.create_task(self.collector.ask(f"round {now}"))
        when = self.chance.uniform(0, 1.3 * self.round_seconds)
        await asyncio.wait({asking}, timeout=when)
        if asking.done():
            self._note(now, asking.result())
            await asyncio.sleep(self.chance.uniform(0, 0.03))
            await self.collector.kill()
            self.done["killed after the round"] += 1
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.collector.pid, signal.SIGKILL)
            self._note(now, await asking)
            await self.collector.disconnect()
            self.done["killed during the round"] += 1
        self.done["kills"] += 1
        self.collector = None

    async def _note_death(self) -> None:
        """Count a collector that ended by itself: only a full disk may cause that."""
        assert self.collector
        await self.collector.disconnect()
        self.collector = None
        self.done["ended on a full disk" if self.is_disk_full else "ended"] += 1

    def _note(self, now: int, answer: str) -> None:
        if answer == "stored":
            self.announced.append(now)
        self.done[answer or "no answer"] += 1

    async def _change_surroundings(self) -> None:
        """Stop or start the database, fill or empty the disk, by chance."""
        if self.is_database_up and self.chance.random() < 0.15:
            await asyncio.to_thread(self.database.stop, self.chance.random() < 0.5)
            self.is_database_up = False
            self.done["database stops"] += 1
        elif not self.is_database_up and self.chance.random() < 0.4:
            await self._start_database()
        if not self.is_disk_full and self.chance.random() < 0.08:
            self.is_disk_full = True
            fill(self.disk)
            self.done["disk full"] += 1
        elif self.is_disk_full and self.chance.random() < 0.5:
            self._empty_disk()

    async def _start_database(self) -> None:
        await asyncio.to_thread(self.database.start)
        self.is_database_up = True

    def _empty_disk(self) -> None:
        empty(self.disk)
        self.is_disk_full = False

    async def finish(self, now: int) -> None:
        """Let everything work again, crawl one more round and deliver all."""
        self._empty_disk()
        if not self.is_database_up:
            await self._start_database()
        await self.network.set_time(now)
        self.collector = self.collector or await self.forks.fork()
        self._note(now, await self.collector.ask(f"round {now}"))
        if await self.collector.ask("deliver") != "delivered":
            raise SystemExit("the last collector ended by itself; see collectors.log")
        await self.collector.disconnect()


def script_of(nodes: int, cycles: int, start: int, chance: random.Random) -> NetworkScript:
    """Half of the nodes go up and down, each in its own way; nothing else happens."""
    incidents_of: dict[int, Sequence[Incident]] = {}
    for index in range(0, nodes, 2):
        fault = chance.choice(QUICK_FAULTS)
        incidents, at = [], start + INTERVAL * chance.randint(1, 9)
        while at < start + (cycles + 2) * INTERVAL:
            until = at + INTERVAL * chance.randint(1, 5)
            incidents.append(Incident(fault, at - 2.0, until - 2.0))
            at = until + INTERVAL * chance.randint(2, 12)
        incidents_of[index] = incidents
    return NetworkScript(nodes, seed=1, start=start, calm=True, incidents=incidents_of, ipv6=False)


def config_of(network: SimulatedNetwork, influx: servers.Influx, data: Path) -> str:
    """Return the collector's configuration: one round decides, and little is waited for."""
    toml = network.config_toml().replace("[probe]\n", "[probe]\nconnect_timeout_seconds = 5\n")
    token = f'token = "{influx.token}"\norg = "{influx.org}"\n' if influx.token else ""
    return (
        f'data_dir = "{data}"\n{toml}\n[state]\ndown_after = 1\ndown_within = 1\nup_after = 1\n'
        f'[influxdb]\nurl = "{influx.url}"\nbucket = "{BUCKET}"\ntimeout_seconds = 10\n'
        f"batch_lines = 40\n{token}"
    )


async def run(options: argparse.Namespace, folder: Path, disk: Path | None) -> dict[str, object]:
    """Torture, then check; return the figures."""
    chance = random.Random(options.seed)
    start = int(time.time() // INTERVAL) * INTERVAL
    script = script_of(options.nodes, options.cycles, start, chance)
    database = servers.Instance(options.server, servers.binaries()[options.server])
    data, config = (disk or folder) / "data", folder / "config.toml"
    began = time.perf_counter()
    try:
        influx = await asyncio.to_thread(database.start)
        async with SimulatedNetwork(script, NetworkOptions(folder=folder)) as network:
            config.write_text(config_of(network, influx, data), encoding="utf-8")
            created = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "collector", "--config", config, "init-store"),
                cwd=ROOT,
                env=_environment(),
            )
            if await created.wait():
                raise SystemExit("the database could not be created")
            async with CollectorForks(config, folder).open() as forks:
                torture = Torture(network, forks, database, disk or folder, chance)
                if disk is None:
                    torture.is_disk_full = True  # for ever, so that it is never filled
                    print("no small disk can be mounted here: it will not be full")  # noqa: T201
                for number in range(options.cycles):
                    await torture.cycle(start + number * INTERVAL)
                    if sys.stderr.isatty():
                        print(f"\r{number + 1}/{options.cycles}", end="", file=sys.stderr)  # noqa: T201
                await torture.finish(start + options.cycles * INTERVAL)
        rows = InfluxRows(influx, BUCKET)
        report = await asyncio.to_thread(check, data, rows, script, torture.announced)
    finally:
        database.remove()
    return figures(options.cycles, torture.done, report, time.perf_counter() - began)


def figures(
    cycles: int, done: Counter[str], report: TortureReport, seconds: float
) -> dict[str, object]:
    """Print what was done and what differs; return the figures of the last line."""
    for what, count in sorted(done.items()):
        print(f"{count:6} {what}")  # noqa: T201
    for message in report.messages:
        print(message)  # noqa: T201
    return {
        "cycles": cycles,
        "kills": done["kills"],
        "points": report.points,
        "lost": report.lost,
        "duplicated": report.duplicated,
        "wrong": report.wrong + done["ended"],
        "events": report.events,
        "rounds": report.rounds,
        "blind_rounds": report.blind,
        "seconds": round(seconds, 1),
    }


def _environment() -> dict[str, str]:
    """Return this environment without our variables, so that `bench` can be imported."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CRN_")}
    return kept | {"PYTHONPATH": str(ROOT)}


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--nodes", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--server", default="1.8", choices=servers.KINDS)
    parser.add_argument("--keep", type=Path, help="an empty folder for everything, which stays")
    options = parser.parse_args()
    if options.server not in servers.binaries():
        raise SystemExit(f"no InfluxDB {options.server}: `make servers` gets it")
    with contextlib.ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        disk = stack.enter_context(small_disk_in(folder, DISK_BYTES))
        answer = asyncio.run(run(options, folder, disk))
    print(json.dumps(answer))  # noqa: T201
    return 1 if any(answer[name] for name in ("lost", "duplicated", "wrong")) else 0


if __name__ == "__main__":
    sys.exit(main())
