"""`simulate`: a simulated network on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from pathlib import Path
from typing import Annotated

import typer

from collector.cli.common import require_writable
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
        Path | None,
        typer.Option(help="Write the true state of each node to this file, as JSON lines."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Write the collector's configuration to this file instead of printing it."
        ),
    ] = None,
) -> None:
    """Run a simulated network on loopback until Ctrl-C, and print the configuration to crawl it."""
    require_simulator()
    require_writable(truth)
    require_writable(config)
    from crn_simulator.command import SimulationOptions
    from crn_simulator.command import simulate as run

    def on_ready(toml: str) -> None:
        if config is None:
            typer.echo(toml)
            return
        config.write_text(toml, encoding="utf-8")
        typer.echo(f"crawl it with: crn-collector --config {config} run", err=True)

    async def until_stopped() -> None:
        async with stop_on_signals() as stop:
            network = asyncio.create_task(
                run(SimulationOptions(nodes, seed, speed, faults, latency, truth=truth), on_ready)
            )
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
