"""The simulator as a program: a network that lives in real time until it is stopped."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from crn_simulator.network import Network
from crn_simulator.record import Record
from crn_simulator.script import Script, every_fault
from crn_simulator.worker import raise_descriptor_limit

_LEAD_SECONDS = 2.0


async def simulate(
    nodes: int,
    seed: int,
    speed: float = 1.0,
    *,
    say: Callable[[str], object],
    faults: float = 0.0,
    latency: float = 1.0,
    interval: float = 60.0,
    truth: Path | None = None,
    folder: Path | None = None,
    ipv6: bool = True,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Run a network until cancelled.

    speed: how much faster than the clock life goes.
    say: takes the collector's configuration for this network, once, when everything listens.
    faults: the part (0 to 1) of the nodes that is wrong all the time, in every way there is.
    latency: what real latencies are multiplied by.
    interval: seconds between rounds of the collector. What changes, changes two seconds before a
        multiple of it, between two rounds.
    truth: a file for what was really true (see `record`); folder: where the authority's
        certificate is written, a temporary one if None.
    clock, sleep: seconds since the epoch, and what waits for some of them.
    """
    raise_descriptor_limit()
    script = Script(
        nodes,
        seed,
        start=clock(),
        tempo=speed,
        shares=every_fault(faults) if faults else None,
        ipv6=ipv6,
    )
    with contextlib.ExitStack() as stack:
        record = None
        if truth is not None:
            record = Record(script, stack.enter_context(truth.open("w", encoding="utf-8")))
        async with Network(script, folder=folder, latency=latency) as network:
            say(network.config_toml())
            while True:
                if record is not None:
                    record.write(network.time)
                await sleep(seconds_to_change(clock(), interval))
                await network.set_time(clock())


def seconds_to_change(now: float, interval: float) -> float:
    """How long it is until the script may change something again."""
    return interval - (now + _LEAD_SECONDS) % interval
