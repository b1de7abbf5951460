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
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.verdict import Verdict, judge
from crn_simulator.script.fault import Fault
from crn_simulator.script.incident import Incident
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions, SimulatedNetwork
from tests.support import influx_servers as servers

ROOT = Path(__file__).parents[1]
BUCKET = "torture"
INTERVAL = 60
DISK_BYTES = 96 * 1024 * 1024
PATIENCE_SECONDS = 60.0
QUICK_FAULTS = (
    Fault.REFUSED,
    Fault.RESET_IN_TLS,
    Fault.CERT_EXPIRED,
    Fault.DNS_NOT_FOUND,
    Fault.UNAVAILABLE,
    Fault.WEB_SERVER,
)


class Victim:
    """A running collector, and what it says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.number = 0

    async def greet(self) -> None:
        """Learn its process number."""
        self.number = int(await self._reader.readline())

    async def ask(self, words: str) -> str:
        """Its answer; '' if it died over it."""
        try:
            self._writer.write(f"{words}\n".encode())
            await self._writer.drain()
            return (await self._reader.readline()).decode().strip()
        except ConnectionError:
            return ""

    async def kill(self) -> str:
        """kill -9; what it had still said."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.number, signal.SIGKILL)
        with contextlib.suppress(ConnectionError):
            said = (await self._reader.read()).decode()
            await self.leave()
            return said
        return ""

    async def leave(self) -> None:
        """Let it end by itself."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


class Nursery:
    """Where collectors come from."""

    def __init__(self, config: Path, folder: Path) -> None:
        self._socket = folder / "torture.socket"
        self._command = [sys.executable, "-m", "bench.victim", config, self._socket]
        self._command.append(folder / "victims.log")
        self._born: asyncio.Queue[Victim] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Nursery]:
        """Ready to give birth."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            victim = Victim(reader, writer)
            await victim.greet()
            self._born.put_nowait(victim)

        server = await asyncio.start_unix_server(accept, self._socket)
        self._parent = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, stdin=subprocess.PIPE, env=_environment()
        )
        try:
            yield self
        finally:
            server.close()
            assert self._parent.stdin
            self._parent.stdin.close()
            await self._parent.wait()

    async def bear(self) -> Victim:
        """A new collector, which has opened nothing yet."""
        assert self._parent.stdin
        self._parent.stdin.write(b"\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._born.get()


@dataclass
class Torture:
    """One run."""

    network: SimulatedNetwork
    nursery: Nursery
    database: servers.Instance
    disk: Path
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    announced: list[int] = field(default_factory=list)
    victim: Victim | None = None
    database_runs: bool = True
    full: bool = False
    usual_seconds: float = 0.2
    """How long a round takes, to kill before and after its end."""

    async def cycle(self, now: int) -> None:
        """One round, with whatever happens to it."""
        await self.network.set_time(now)
        await self._trouble()
        if self.victim is None:
            self.victim = await self.nursery.bear()
        if self.chance.random() < 0.7:
            await self._killed_round(now)
            return
        started = time.perf_counter()
        said = await self.victim.ask(f"round {now}")
        self._note(now, said)
        if said:
            seconds = time.perf_counter() - started
            self.usual_seconds = 0.8 * self.usual_seconds + 0.2 * seconds
        else:
            await self._bury()

    async def _killed_round(self, now: int) -> None:
        """Kill at any moment: while opening, crawling, storing, delivering, or after."""
        assert self.victim
        asking = asyncio.create_task(self.victim.ask(f"round {now}"))
        when = self.chance.uniform(0, 1.3 * self.usual_seconds)
        await asyncio.wait({asking}, timeout=when)
        if asking.done():
            self._note(now, asking.result())
            await asyncio.sleep(self.chance.uniform(0, 0.03))
            await self.victim.kill()
            self.done["killed after the round"] += 1
        else:
            number = self.victim.number
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
            self._note(now, await asking)
            await self.victim.leave()
            self.done["killed during the round"] += 1
        self.done["kills"] += 1
        self.victim = None

    async def _bury(self) -> None:
        """It ended by itself: only a full disk may do that."""
        assert self.victim
        await self.victim.leave()
        self.victim = None
        self.done["gave up on a full disk" if self.full else "gave up"] += 1

    def _note(self, now: int, said: str) -> None:
        if said == "stored":
            self.announced.append(now)
        self.done[said or "silent"] += 1

    async def _trouble(self) -> None:
        """Stop or start the database, fill or empty the disk."""
        if self.database_runs and self.chance.random() < 0.15:
            await asyncio.to_thread(self.database.stop, self.chance.random() < 0.5)
            self.database_runs = False
            self.done["database stops"] += 1
        elif not self.database_runs and self.chance.random() < 0.4:
            await self._start_database()
        if not self.full and self.chance.random() < 0.08:
            self.full = True
            fill(self.disk)
            self.done["disk full"] += 1
        elif self.full and self.chance.random() < 0.5:
            self._empty_disk()

    async def _start_database(self) -> None:
        await asyncio.to_thread(self.database.start)
        self.database_runs = True

    def _empty_disk(self) -> None:
        (self.disk / "ballast").unlink(missing_ok=True)
        self.full = False

    async def finish(self, now: int) -> None:
        """Everything runs again: one more round, and all is delivered."""
        self._empty_disk()
        if not self.database_runs:
            await self._start_database()
        await self.network.set_time(now)
        self.victim = self.victim or await self.nursery.bear()
        self._note(now, await self.victim.ask(f"round {now}"))
        if await self.victim.ask("deliver") != "delivered":
            raise SystemExit("the last collector died by itself; see victims.log")
        await self.victim.leave()


def fill(disk: Path) -> None:
    """Leave no byte free."""
    with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(65_536))


def script_of(nodes: int, cycles: int, start: int, chance: random.Random) -> NetworkScript:
    """Half of the nodes go up and down, each in its own way; nothing else happens."""
    told: dict[int, Sequence[Incident]] = {}
    for index in range(0, nodes, 2):
        fault = chance.choice(QUICK_FAULTS)
        incidents, at = [], start + INTERVAL * chance.randint(1, 9)
        while at < start + (cycles + 2) * INTERVAL:
            until = at + INTERVAL * chance.randint(1, 5)
            incidents.append(Incident(fault, at - 2.0, until - 2.0))
            at = until + INTERVAL * chance.randint(2, 12)
        told[index] = incidents
    return NetworkScript(nodes, seed=1, start=start, calm=True, incidents=told, ipv6=False)


def config_of(network: SimulatedNetwork, influx: servers.Influx, data: Path) -> str:
    """The collector's configuration: every round decides at once, and little is waited for."""
    toml = network.config_toml().replace("[probe]\n", "[probe]\nconnect_timeout_seconds = 5\n")
    token = f'token = "{influx.token}"\norg = "{influx.org}"\n' if influx.token else ""
    return (
        f'data_dir = "{data}"\n{toml}\n[state]\ndown_after = 1\ndown_within = 1\nup_after = 1\n'
        f'[influxdb]\nurl = "{influx.url}"\nbucket = "{BUCKET}"\ntimeout_seconds = 10\n'
        f"batch_lines = 40\n{token}"
    )


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk that can be filled; None where this user may not mount one."""
    disk = folder / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "tmpfs", disk]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


async def run(options: argparse.Namespace, folder: Path, disk: Path | None) -> dict[str, object]:
    """Torture, then judge."""
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
                raise SystemExit("the database could not be made")
            async with Nursery(config, folder).open() as nursery:
                torture = Torture(network, nursery, database, disk or folder, chance)
                if disk is None:
                    torture.full = True  # for ever, so that it is never filled
                    print("no small disk can be mounted here: it will not be full")  # noqa: T201
                for number in range(options.cycles):
                    await torture.cycle(start + number * INTERVAL)
                    if sys.stderr.isatty():
                        print(f"\r{number + 1}/{options.cycles}", end="", file=sys.stderr)  # noqa: T201
                await torture.finish(start + options.cycles * INTERVAL)
        verdict = await asyncio.to_thread(judge, data, influx, BUCKET, script, torture.announced)
    finally:
        database.remove()
    return figures(options.cycles, torture.done, verdict, time.perf_counter() - began)


def figures(cycles: int, done: Counter[str], verdict: Verdict, seconds: float) -> dict[str, object]:
    """The last line."""
    for what, count in sorted(done.items()):
        print(f"{count:6} {what}")  # noqa: T201
    for words in verdict.words:
        print(words)  # noqa: T201
    return {
        "cycles": cycles,
        "kills": done["kills"],
        "points": verdict.points,
        "lost": verdict.lost,
        "duplicated": verdict.duplicated,
        "wrong": verdict.wrong + done["gave up"],
        "events": verdict.events,
        "rounds": verdict.rounds,
        "blind_rounds": verdict.blind,
        "seconds": round(seconds, 1),
    }


def _environment() -> dict[str, str]:
    """This environment without our variables; `bench` and `collector` can be imported."""
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
        disk = stack.enter_context(small_disk(folder))
        answer = asyncio.run(run(options, folder, disk))
    print(json.dumps(answer))  # noqa: T201
    return 1 if any(answer[name] for name in ("lost", "duplicated", "wrong")) else 0


if __name__ == "__main__":
    sys.exit(main())
