"""`crawl`: one round."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections import Counter
from collections.abc import Callable, Iterator
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
from collector.crawl.round import RoundResult
from collector.model.failure import Failure
from collector.model.observation import Observation
from collector.schema.line_protocol import lines
from collector.schema.measurements import CrnReachability, Network
from collector.service import run as app


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
    with _progress() as (begun, seen):
        done = app.run_async(app.crawl_once(settings, dry_run, seen, begun, _waiting))
    if done is None:
        typer.echo("stopped before the round began", err=True)
        return
    if dry_run:
        sys.stdout.buffer.write(lines(p for p in done.points if p.rejection_reason() is None))
    elif as_json:
        show_json(_answer(done))
    else:
        _show(done)
    if not dry_run and not done.receipt.stored:
        typer.secho("warning: the round could not be stored; see the messages above", err=True)


def _waiting(seconds: float) -> None:
    typer.echo(f"this round is stored already; the next one is in {seconds:.0f} s", err=True)


@contextlib.contextmanager
def _progress() -> Iterator[tuple[Callable[[int], None], Callable[[Observation], None]]]:
    """A bar on the standard error, in a terminal only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None, lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[green]{task.fields[reached]} reachable"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("fetching the list of nodes", total=None, reached=0)
        reached = 0

        def begun(nodes: int) -> None:
            progress.update(bar, description="crawling", total=nodes)

        def seen(observation: Observation) -> None:
            nonlocal reached
            reached += observation.reachable
            progress.update(bar, advance=1, reached=reached)

        yield begun, seen


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
