"""`crawl`: one round."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from collector.cli.common import AsJson, DataDir, Directory, settings_of
from collector.cli.output import Cell, Column, Result, print_bytes, print_result, utc
from collector.crawl.round import RoundResult
from collector.model.failure import Failure
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
    from collector.cli.progress_bar import progress_bar  # its library is not for `run`

    settings = settings_of(context, directory, data_dir)
    with progress_bar() as observers:
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
