"""Measures one client, in this process; `bench/peers.py` starts it. The last line is JSON."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
import uvloop

from bench.clients.client import OpenClient, Who
from bench.clients.figures import Figures, mistakes_of
from bench.clients.fleet import Fleet
from bench.usage import cpu_seconds, peak_bytes, sampling


def main() -> None:
    """Measure one client and print its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("who", type=Who, choices=list(Who))
    parser.add_argument("--fleet", type=Path, required=True, help="folder with the fleet")
    parser.add_argument("--spread", type=float, required=True, help="seconds")
    parser.add_argument("--processor", type=int, help="the one to run on")
    options = parser.parse_args()
    if options.processor is not None:
        os.sched_setaffinity(0, {options.processor})
    fleet = Fleet.read(options.fleet)
    run: Callable[[Coroutine[Any, Any, Figures]], Figures] = uvloop.run
    if options.who is Who.COLLECTOR:
        from collector.service.event_loop import run_async

        run = run_async
    figures = run(_measure(_opener(options.who), fleet, options.spread))
    print(json.dumps(asdict(figures)))  # noqa: T201


def _opener(who: Who) -> OpenClient:
    """Return what opens a client. Only this client is imported, since memory is measured."""
    match who:
        case Who.COLLECTOR:
            from bench.clients import collector_round

            return collector_round.open_client
        case Who.AIOHTTP:
            from bench.clients import aiohttp_alone

            return aiohttp_alone.open_by_name
        case Who.AIOHTTP_ADDRESSES:
            from bench.clients import aiohttp_alone

            return aiohttp_alone.open_by_address
        case Who.HTTPX:
            from bench.clients import httpx_client

            return httpx_client.open_client
        case Who.BLACKBOX:
            from bench.clients import blackbox

            return blackbox.open_client
        case Who.SHARED_SESSION:
            from bench.clients import former_services

            return former_services.open_shared_session
        case Who.SESSION_PER_REQUEST:
            from bench.clients import former_services

            return former_services.open_session_per_request


async def _measure(opener: OpenClient, fleet: Fleet, spread_seconds: float) -> Figures:
    """Return the figures of one round, after a warm-up.

    What uvloop reports of connections that were given up while their peer still sent is dropped.
    """
    asyncio.get_running_loop().set_exception_handler(lambda _, __: None)
    async with opener(fleet) as client:
        measured = psutil.Process(client.pid)
        await client.warm_up()
        fds = [measured.num_fds()]
        async with sampling(lambda: fds.append(measured.num_fds()), seconds=0.5):
            waited, before, began = _waited(client.pid), _cpu_seconds(measured), time.monotonic()
            results = await client.crawl(spread_seconds)
            cpu, ended = _cpu_seconds(measured) - before, time.monotonic()
        return Figures(
            cpu_ms_per_node=cpu / len(fleet.targets) * 1000,
            max_rss_bytes=peak_bytes(client.pid),
            max_fds=max(fds),
            began=began,
            ended=ended,
            waited_seconds=_waited(client.pid) - waited,
            mistakes=mistakes_of(fleet.targets, results),
        )


def _cpu_seconds(measured: psutil.Process) -> float:
    """Return the processor time of a process: of this one exactly, of others to 10 ms."""
    if measured.pid == os.getpid():
        return cpu_seconds()
    times = measured.cpu_times()
    return times.user + times.system


def _waited(pid: int) -> float:
    """Return how many seconds the threads of a process have waited for a processor (Linux)."""
    nanoseconds = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended
            nanoseconds += int((thread / "schedstat").read_text().split()[1])
    return nanoseconds / 1e9


if __name__ == "__main__":
    main()
