"""`demo`: a simulated network and the collector together, in one command."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.cli.common import DataDir, given_text
from collector.cli.log import log_to_stderr
from collector.cli.simulate import require_simulator
from collector.errors import DataDirectoryError, reason_of
from collector.service.event_loop import run_async, stop_on_signals
from collector.service.load_settings import load_settings
from collector.service.settings import Settings

if TYPE_CHECKING:
    from rich.progress import Progress


def demo(
    data_dir: DataDir = None,
    nodes: Annotated[int, typer.Option(help="Number of nodes.", min=1, max=5000)] = 60,
    seed: Annotated[
        int, typer.Option(help="Random seed; the same seed gives the same history.")
    ] = 1,
) -> None:
    """Run the collector on a simulated network: fill in its last day, then crawl it live.

    Until Ctrl-C. Without --data-dir the data goes to a temporary directory, which is kept.
    """
    require_simulator()
    from collector.service import demo as story

    folder = Path(given_text(data_dir) or tempfile.mkdtemp(prefix="crn-collector-demo-"))
    try:
        folder = folder.expanduser()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataDirectoryError(
            f"{folder} cannot be created: {reason_of(error)}", "Name another folder."
        ) from None
    log_to_stderr("INFO" if not sys.stderr.isatty() else "WARNING")

    def load(config: Path) -> Settings:
        return load_settings(config, data_dir=folder / "data")

    async def until_stopped(screen: _Screen) -> None:
        async with stop_on_signals() as stop:
            await story.demo(story.DemoOptions(nodes, seed, folder), load, screen, stop)

    with _progress() as progress:
        run_async(until_stopped(_Screen(progress, folder)))


def _progress() -> Progress:
    """A bar on the standard error, in a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("filling in the last day"),
        BarColumn(),
        TextColumn("{task.completed} of {task.total} rounds"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


class _Screen:
    """Shows how far the demo is, and what can be done with it when it is ready."""

    def __init__(self, progress: Progress, folder: Path) -> None:
        self._progress = progress
        self._bar = progress.add_task("", total=None)
        self._folder = folder

    def on_progress(self, done: int, total: int) -> None:
        self._progress.update(self._bar, completed=done, total=total)

    def on_ready(self, settings: Settings) -> None:
        self._progress.stop()
        log_to_stderr("INFO")
        name = f"crn-collector --config {self._folder / 'demo.toml'}"
        place = f"--data-dir {settings.data_dir}"
        typer.echo(
            f"The last day is stored; now the network is crawled live. In another terminal:\n"
            f"  {name} nodes {place}\n"
            f"  {name} events {place} --follow\n"
            f"  sqlite3 {settings.data_dir / 'collector.db'}\n"
            f"Ctrl-C stops it; the data stays in {self._folder}."
        )
