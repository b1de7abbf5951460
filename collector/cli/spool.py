"""`spool`: the rounds that wait for InfluxDB, and the lines that were refused."""

from __future__ import annotations

import gzip
import sys
from typing import Annotated

import typer
from rich.table import Table

from collector.cli.common import AsJson, DataDir, cell, moment, settings_of, show, show_json
from collector.errors import Exit
from collector.model.batch import BatchLimits
from collector.model.queue import Backlog
from collector.schema.measurements import MEASUREMENTS
from collector.service.event_loop import run_async
from collector.service.settings import Settings
from collector.service.wiring import open_delivery, spool_limits
from collector.store import EmbeddedStore, Reader

app = typer.Typer(
    help="The rounds that wait for InfluxDB, and the lines that were refused.",
    no_args_is_help=True,
)

Round = Annotated[int | None, typer.Argument(help="Time of a round, as `ls` shows it.")]
Rejected = Annotated[bool, typer.Option("--rejected", help="Refused lines too.")]


@app.command("ls")
def ls(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the rounds that wait, oldest first."""
    with Reader(settings_of(context, data_dir=data_dir).data_dir) as reader:
        rows = reader.rows(
            "SELECT time, count(*) AS pieces, sum(points) AS points, sum(bytes) AS bytes"
            " FROM spool GROUP BY time ORDER BY time"
        )
    if as_json:
        show_json(rows)
        return
    total = f"{len(rows)} rounds, {sum(row['points'] for row in rows)} points wait"
    table = Table(title=total)
    for heading in ("round", "", "pieces", "points", "bytes"):
        table.add_column(heading, justify="right")
    lines = [(r["time"], moment(r["time"]), r["pieces"], r["points"], r["bytes"]) for r in rows]
    for line in lines:
        table.add_row(*map(cell, line))
    show(table, [*lines, ("#", total)])


@app.command("show")
def show_round(context: typer.Context, time: Round = None, data_dir: DataDir = None) -> None:
    """Print what waits as line protocol: one round, or all, oldest first."""
    with Reader(settings_of(context, data_dir=data_dir).data_dir) as reader:
        where = "WHERE time = ?" if time is not None else "WHERE ? IS NULL"
        numbers = reader.rows(f"SELECT id FROM spool {where} ORDER BY time, id", (time,))
        for row in numbers:
            for batch in reader.rows("SELECT body FROM spool WHERE id = ?", (row["id"],)):
                sys.stdout.buffer.write(gzip.decompress(batch["body"]))
    if time is not None and not numbers:
        typer.secho(f"no round {time} waits; `crn-collector spool ls` lists them", err=True)
        raise typer.Exit(Exit.CONFIGURATION)


@app.command("rejected")
def rejected(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the lines that were refused, by us or by InfluxDB, and why. Newest last."""
    with Reader(settings_of(context, data_dir=data_dir).data_dir) as reader:
        rows = reader.rows(
            "SELECT time, store, measurement, reason, line FROM rejected ORDER BY id"
        )
    if as_json:
        show_json(rows)
        return
    table = Table(title=f"{len(rows)} refused lines")
    for heading in ("round", "by", "reason", "line"):
        table.add_column(heading, overflow="fold")
    lines = [(moment(r["time"]), r["store"], r["reason"], r["line"]) for r in rows]
    for line in lines:
        table.add_row(*map(cell, line))
    show(table, lines)


@app.command("replay")
def replay(context: typer.Context, data_dir: DataDir = None, rejected: Rejected = False) -> None:
    """Deliver now what waits, without crawling. Not while a collector uses the data directory.
    Exits with 8 if something is left."""
    settings = settings_of(context, data_dir=data_dir)
    left = run_async(_replay(settings, rejected))
    if left.batches:
        raise typer.Exit(Exit.DATABASE)


async def _replay(settings: Settings, rejected: bool) -> Backlog:
    async with await _open(settings) as store:
        async with open_delivery(settings, store, at_once=False) as delivery:
            if rejected:
                spooled = spool_limits(settings)
                limits = spooled.batch if spooled else BatchLimits()
                again = await store.retry_rejected(limits)
                typer.echo(f"{again} refused lines are tried again")
            waited = await store.backlog()
            left = await delivery.finish(None)
            report = await delivery.report(0, 0)
        typer.echo(
            f"{waited.points} points waited: {report.points_delivered} delivered, "
            f"{report.points_rejected} refused, {report.points_dropped} older than InfluxDB "
            f"keeps, {left.points} wait"
        )
        if left.batches:
            typer.secho(delivery.status.problem, fg="red", err=True)
        return left


@app.command("purge")
def purge(
    context: typer.Context,
    data_dir: DataDir = None,
    before: Annotated[
        int | None, typer.Option(help="Only rounds before this time, in seconds since 1970.")
    ] = None,
    rejected: Rejected = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget what waits: it will never reach InfluxDB. Not while a collector uses the data
    directory. The embedded store keeps its points."""
    settings = settings_of(context, data_dir=data_dir)
    if not yes:
        typer.confirm(f"Forget what waits for InfluxDB in {settings.data_dir}?", abort=True)
    points, lines = run_async(_purge(settings, before, rejected))
    typer.echo(f"{points} points forgotten" + (f", {lines} refused lines" if rejected else ""))


async def _purge(settings: Settings, before: int | None, rejected: bool) -> tuple[int, int]:
    async with await _open(settings) as store:
        points = await store.purge_spool(before)
        return points, await store.purge_rejected() if rejected else 0


async def _open(settings: Settings) -> EmbeddedStore:
    """The store, locked; it must be there."""
    with Reader(settings.data_dir):
        pass
    return await EmbeddedStore.open(settings.data_dir, MEASUREMENTS, settings.store.retention_days)
