"""`spool`: the rounds that wait for InfluxDB, and the lines that were rejected."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from collector.cli.common import AsJson, DataDir, settings_of
from collector.cli.output import Column, Result, print_bytes, print_result, utc
from collector.cli.registration import add_command
from collector.errors import Exit
from collector.service.event_loop import run_async
from collector.service.spool import purge_spool, replay_spool
from collector.store import Reader
from collector.text import escaped

app = typer.Typer(
    help="List, replay or purge the rounds that wait for InfluxDB, and the rejected lines.",
    no_args_is_help=True,
)

Round = Annotated[
    int | None, typer.Argument(help="Time of a round in seconds since 1970, as `ls` prints it.")
]
Rejected = Annotated[bool, typer.Option("--rejected", help="Rejected lines too.")]

_ROUNDS = (
    Column("time", "right", wrap=False, always=True),
    Column("round", wrap=False),
    Column("batches", "right", wrap=False),
    Column("points", "right", wrap=False),
    Column("bytes", "right", wrap=False),
)
_LINES = (
    Column("round", wrap=False),
    Column("rejected by", wrap=False),
    Column("reason", always=True),
    Column("line", always=True),
)


def ls(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the rounds that wait for delivery, oldest first."""
    with Reader(settings_of(context, data_dir=data_dir).data_dir) as reader:
        rounds = reader.waiting_rounds()
    total = f"{len(rounds)} rounds wait, {sum(r.points for r in rounds)} points"
    print_result(
        Result(
            columns=_ROUNDS,
            rows=[[r.time, utc(r.time), r.batches, r.points, r.bytes] for r in rounds],
            document=[asdict(r) for r in rounds],
            title="Rounds that wait for InfluxDB",
            note=total,
        ),
        as_json=as_json,
    )


def show(context: typer.Context, time: Round = None, data_dir: DataDir = None) -> None:
    """Print waiting rounds as line protocol: one, or all, oldest first."""
    with Reader(settings_of(context, data_dir=data_dir).data_dir) as reader:
        printed = print_bytes(reader.waiting_lines(time))
    if time is not None and not printed:
        typer.secho(f"error: no round {time} waits", fg="red", err=True)
        typer.echo("  `crn-collector spool ls` lists the rounds that wait.", err=True)
        raise typer.Exit(Exit.CONFIGURATION)


def rejected(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the lines that the embedded store or InfluxDB rejected, and why, newest last."""
    with Reader(settings_of(context, data_dir=data_dir).data_dir) as reader:
        lines = reader.rejected_lines()
    print_result(
        Result(
            columns=_LINES,
            rows=[[utc(x.time), x.store, x.reason, x.line] for x in lines],
            document=[asdict(x) for x in lines],
            title=f"{len(lines)} rejected lines",
        ),
        as_json=as_json,
    )


def replay(context: typer.Context, data_dir: DataDir = None, rejected: Rejected = False) -> None:
    """Deliver waiting rounds to InfluxDB now, without crawling.

    Refused while a collector uses the data directory. Fails if something still waits afterwards.
    """
    settings = settings_of(context, data_dir=data_dir)
    replayed = run_async(replay_spool(settings, with_rejected=rejected))
    if rejected:
        typer.echo(f"{replayed.retried_lines} rejected lines queued again")
    report, left = replayed.report, replayed.left
    typer.echo(
        f"{replayed.waited.points} points waited: {report.points_delivered} delivered, "
        f"{report.points_rejected} rejected, {report.points_dropped} dropped (older than "
        f"InfluxDB's retention), {left.points} still wait"
    )
    if left.batches:
        typer.secho(f"error: {escaped(replayed.problem)}", fg="red", err=True)
        raise typer.Exit(Exit.DATABASE)


def purge(
    context: typer.Context,
    data_dir: DataDir = None,
    before: Annotated[
        int | None,
        typer.Option(metavar="TIME", help="Only rounds before this time, in seconds since 1970."),
    ] = None,
    rejected: Rejected = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete waiting rounds, so that they never reach InfluxDB.

    The embedded store keeps their points. Refused while a collector uses the data directory.
    """
    settings = settings_of(context, data_dir=data_dir)
    if not yes and not _confirm(
        f"Delete the rounds that wait for InfluxDB in {settings.data_dir}?"
    ):
        typer.echo("nothing deleted; --yes confirms", err=True)
        raise typer.Exit(Exit.CONFIGURATION)
    purged = run_async(purge_spool(settings, before, with_rejected=rejected))
    lines = f", {purged.rejected_lines} rejected lines" if rejected else ""
    typer.echo(f"{purged.points} points deleted{lines}")


def _confirm(question: str) -> bool:
    """Return the answer to a question; False if nobody is there to answer."""
    try:
        return typer.confirm(question)
    except typer.Abort:
        return False


_CODES = (Exit.OK, Exit.CONFIGURATION, Exit.DATA_DIRECTORY)
add_command(app, "ls", ls, *_CODES)
add_command(app, "show", show, *_CODES)
add_command(app, "rejected", rejected, *_CODES)
add_command(app, "replay", replay, *_CODES, Exit.LOCKED, Exit.DATABASE)
add_command(app, "purge", purge, *_CODES, Exit.LOCKED)
