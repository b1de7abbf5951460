"""`simulate`: a simulated network on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from typing import Annotated

import typer

from collector.cli.common import output_file
from collector.cli.log import log_to_stderr
from collector.errors import NotInstalledError
from collector.service.event_loop import run_async, stop_on_signals


def simulate(
    nodes: Annotated[int, typer.Option(help="Number of nodes.", min=1, max=20_000)] = 300,
    seed: Annotated[
        int, typer.Option(help="Random seed; the same seed gives the same history.")
    ] = 1,
    speed: Annotated[
        float, typer.Option(help="How much faster than real time nodes change.", min=0.01)
    ] = 1.0,
    faults: Annotated[
        float,
        typer.Option(
            help="Share of the nodes that have a fault all the time; every kind of fault occurs.",
            min=0,
            max=1,
        ),
    ] = 0.0,
    latency: Annotated[
        float,
        typer.Option(
            help="Factor on the latencies, which are like those of the real network.", min=0
        ),
    ] = 1.0,
    truth: Annotated[
        str | None,
        typer.Option(
            help="Write the true state of each node to this file, as JSON lines.", metavar="FILE"
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            help="Write the collector's configuration to this file instead of printing it.",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """Run a simulated network on loopback until Ctrl-C, and print the configuration to crawl it."""
    require_simulator()
    truth_file, config_file = output_file(truth), output_file(config)
    from crn_simulator.command import SimulationOptions
    from crn_simulator.command import simulate as run

    def on_ready(toml: str) -> None:
        if config_file is None:
            typer.echo(toml)
            return
        config_file.write_text(toml, encoding="utf-8")
        typer.echo(f"crawl it with: crn-collector --config {config_file} run", err=True)

    async def until_stopped() -> None:
        async with stop_on_signals() as stop:
            options = SimulationOptions(nodes, seed, speed, faults, latency, truth=truth_file)
            network = asyncio.create_task(run(options, on_ready))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({network, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if network.done():
                network.result()
            network.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await network

    log_to_stderr("INFO")
    run_async(until_stopped())


def require_simulator() -> None:
    """Raise `NotInstalledError` if the simulated network or what it needs is not installed."""
    try:
        importlib.import_module("crn_simulator.command")
    except ModuleNotFoundError as error:
        raise NotInstalledError(
            f"the simulated network is not installed: no module named {error.name!r}",
            "install it: pip install 'crn-collector[demo]'",
        ) from error
