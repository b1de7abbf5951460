"""The progress bar of `crawl`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from collector.crawl.ports import RoundObserver
from collector.crawl.round import RoundRequest
from collector.model.observation import Observation


@contextlib.contextmanager
def progress_bar() -> Iterator[Sequence[RoundObserver]]:
    """Show a progress bar on the standard error, in a terminal only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield ()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[green]{task.fields[reachable]} reachable"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield (_ProgressBar(progress),)


class _ProgressBar(RoundObserver):
    """Shows how many nodes were visited, and how many of them are reachable."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bar = progress.add_task("fetching the list of nodes", total=None, reachable=0)
        self._reachable = 0

    def on_start(self, request: RoundRequest, nodes: int) -> None:
        self._progress.update(self._bar, description="crawling", total=nodes)

    def on_observation(self, observation: Observation) -> None:
        self._reachable += observation.reachable
        self._progress.update(self._bar, advance=1, reachable=self._reachable)
