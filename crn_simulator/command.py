"""The simulator as a program: a network that runs in real time until it is stopped."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from crn_simulator.script.network_script import NetworkScript, every_fault
from crn_simulator.server.network import NetworkOptions, SimulatedNetwork
from crn_simulator.server.worker import raise_descriptor_limit
from crn_simulator.truth.truth_file import TruthWriter

_LEAD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class SimulationOptions:
    """What to simulate.

    speed: how much faster than the clock time passes.
    faults: the share (0 to 1) of the nodes with a permanent fault, of every kind.
    latency: factor on the response times of real nodes.
    interval: seconds between two rounds of the collector. Changes happen two seconds before a
        multiple of it, between two rounds.
    truth: the truth file to write (see `truth_file`); none if None.
    folder: where the authority's certificate is written; a temporary one if None.
    ipv6: whether nodes may have AAAA records.
    """

    nodes: int
    seed: int
    speed: float = 1.0
    faults: float = 0.0
    latency: float = 1.0
    interval: float = 60.0
    truth: Path | None = None
    folder: Path | None = None
    ipv6: bool = True


async def simulate(
    options: SimulationOptions,
    on_ready: Callable[[str], object],
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Run a network until cancelled.

    on_ready: called once when everything listens, with the collector's configuration as TOML.
    clock, sleep: seconds since the epoch, and what waits for some of them.

    Raise `OSError` if an address, port or file cannot be used.
    """
    raise_descriptor_limit()
    script = NetworkScript(
        options.nodes,
        options.seed,
        start=clock(),
        speed=options.speed,
        shares=every_fault(options.faults) if options.faults else None,
        ipv6=options.ipv6,
    )
    with contextlib.ExitStack() as stack:
        writer = None
        if options.truth is not None:
            file = stack.enter_context(options.truth.open("w", encoding="utf-8"))
            writer = TruthWriter(script, file)
        network_options = NetworkOptions(folder=options.folder, latency=options.latency)
        async with SimulatedNetwork(script, network_options) as network:
            on_ready(network.config_toml())
            while True:
                if writer is not None:
                    writer.write(network.time)
                await sleep(seconds_until_change(clock(), options.interval))
                await network.set_time(clock())


def seconds_until_change(now: float, interval: float) -> float:
    """Return the seconds from `now` until the script may change something again."""
    return interval - (now + _LEAD_SECONDS) % interval
