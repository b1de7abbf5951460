"""`crawl`: one round."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from collector.cli.common import AsJson, DataDir, Directory, settings_of
from collector.cli.output import Cell, Column, Result, print_bytes, print_result, utc
from collector.crawl.ports import RoundObserver
from collector.crawl.round import RoundRequest, RoundResult
from collector.model.failure import Failure
from collector.model.observation import Observation
from collector.schema.line_protocol import lines
from collector.schema.measurements import CrnReachability, Network
from collector.service.event_loop import run_async
from collector.service.run import crawl_once
from collector.service.status import count_failures

_COLUMNS = (
    Column("nodes", "right", always=True),
    Column("result", always=True),
    Column("failure"),
    Column("fault"),
)


def crawl(
    context: typer.Context,
    directory: Directory = None,
    data_dir: DataDir = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the points as line protocol; store nothing."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Crawl every node once, now, and store the round.

    If the round of this interval is already stored, it waits for the next one. Prints the number of
    nodes by result. Refused while `run` uses the data directory, except with --dry-run.
    """
    settings = settings_of(context, directory, data_dir)
    with _progress() as observers:
        done = run_async(crawl_once(settings, dry_run, observers, _on_wait))
    if done is None:
        typer.echo("stopped before the round started", err=True)
        return
    if dry_run:
        print_bytes([lines(p for p in done.points if p.rejection_reason() is None)])
    else:
        print_result(_result(done), as_json=as_json)
    if not dry_run and not done.receipt.stored:
        typer.secho("warning: the round was not stored; see the messages above", err=True)


def _on_wait(seconds: float) -> None:
    typer.echo(f"this round is stored already; the next one is in {seconds:.0f} s", err=True)


@contextlib.contextmanager
def _progress() -> Iterator[Sequence[RoundObserver]]:
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


def _document(done: RoundResult) -> dict[str, Any]:
    return {
        "round": done.judged.time,
        "seconds": round(done.seconds, 3),
        "stored": done.receipt.stored,
        "network": next(dataclasses.asdict(p) for p in done.points if isinstance(p, Network)),
        "nodes": [dataclasses.asdict(p) for p in done.points if isinstance(p, CrnReachability)],
    }


def _result(done: RoundResult) -> Result:
    """Return how many visits ended how."""
    counts = count_failures(done.judged.statuses)
    rows: list[list[object]] = [
        [
            count,
            Cell("reachable" if failure is Failure.NONE else failure.title, style=_style(failure)),
            failure.value,
            failure.fault.value,
        ]
        for failure, count in counts.nodes
    ]
    if counts.not_visited:
        rows.append([counts.not_visited, "not visited (down for long)", None, None])
    return Result(
        columns=_COLUMNS,
        rows=rows,
        document=_document(done),
        title=f"Round of {utc(done.judged.time)}",
        note=_summary(done),
    )


def _style(failure: Failure) -> str:
    if failure is Failure.NONE:
        return "green"
    return "red" if failure.counts_against_node else "yellow"


def _summary(done: RoundResult) -> str:
    stored = "stored" if done.receipt.stored else "NOT STORED"
    blind = "" if done.judged.sees else f"; VANTAGE BLIND ({done.judged.reason})"
    return (
        f"{len(done.judged.statuses)} nodes, {done.receipt.received} points {stored}, "
        f"{done.seconds:.1f} s{blind}"
    )
