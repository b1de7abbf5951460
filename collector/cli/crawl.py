"""`crawl`: one round."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from collector.cli.common import (
    AsJson,
    DataDir,
    Directory,
    cell,
    moment,
    settings_of,
    show,
    show_json,
)
from collector.crawl.ports import RoundObserver
from collector.crawl.round import RoundRequest, RoundResult
from collector.model.failure import Failure
from collector.model.observation import Observation
from collector.schema.line_protocol import lines
from collector.schema.measurements import CrnReachability, Network
from collector.service.event_loop import run_async
from collector.service.run import crawl_once


def crawl(
    context: typer.Context,
    directory: Directory = None,
    data_dir: DataDir = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the points as line protocol and touch no disk."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Crawl every node once, now, and keep what was seen."""
    settings = settings_of(context, directory, data_dir)
    with _progress() as observers:
        done = run_async(crawl_once(settings, dry_run, observers, _on_wait))
    if done is None:
        typer.echo("stopped before the round began", err=True)
        return
    if dry_run:
        sys.stdout.buffer.write(lines(p for p in done.points if p.objection() is None))
    elif as_json:
        show_json(_answer(done))
    else:
        _show(done)
    if not dry_run and not done.receipt.stored:
        typer.secho("warning: the round could not be stored; see the messages above", err=True)


def _on_wait(seconds: float) -> None:
    typer.echo(f"this round is stored already; the next one is in {seconds:.0f} s", err=True)


@contextlib.contextmanager
def _progress() -> Iterator[Sequence[RoundObserver]]:
    """A bar on the standard error, in a terminal only."""
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


def _answer(done: RoundResult) -> dict[str, Any]:
    return {
        "round": done.judged.time,
        "seconds": round(done.seconds, 3),
        "stored": done.receipt.stored,
        "network": next(dataclasses.asdict(p) for p in done.points if isinstance(p, Network)),
        "nodes": [dataclasses.asdict(p) for p in done.points if isinstance(p, CrnReachability)],
    }


def _show(done: RoundResult) -> None:
    """How many nodes ended how, and why."""
    statuses = done.judged.statuses
    counts = Counter(status.failure for status in statuses if status.observation)
    counts[Failure.NONE] = sum(
        v.observation is not None and v.observation.reachable for v in statuses
    )
    rows = [
        (count, "reachable" if failure is Failure.NONE else str(failure), failure)
        for failure, count in sorted(counts.items(), key=lambda pair: (pair[0] != "none", -pair[1]))
    ]
    asleep = sum(status.observation is None for status in statuses)
    table = Table(title=f"Round of {moment(done.judged.time)}", caption=_caption(done))
    for heading, side in (("nodes", "right"), ("result", "left"), ("fault", "left"), ("", "left")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    for count, result, failure in rows:
        style = (
            "green"
            if failure is Failure.NONE
            else "red"
            if failure.counts_against_node
            else "yellow"
        )
        meaning = "" if failure is Failure.NONE else failure.meaning
        table.add_row(cell(count), cell(result, style), cell(failure.fault), cell(meaning))
    plain: list[tuple[object, ...]] = [(n, result, f.fault) for n, result, f in rows]
    if asleep:
        table.add_row(
            cell(asleep), cell("not asked"), cell(""), cell("long down, asked less often")
        )
        plain.append((asleep, "not_asked", ""))
    show(table, [*plain, ("#", _caption(done))])


def _caption(done: RoundResult) -> str:
    control_result = "" if done.judged.sees else f"; THIS VANTAGE CANNOT SEE ({done.judged.reason})"
    kept = "kept" if done.receipt.stored else "NOT STORED"
    return (
        f"{len(done.judged.statuses)} nodes, {len(done.points)} points {kept}, "
        f"{done.seconds:.1f} s{control_result}"
    )
