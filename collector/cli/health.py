"""`health`: one line and an exit code, for health checks."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from collector.cli.common import DataDir, settings_of
from collector.errors import Exit
from collector.service.status import read_health


def health(
    context: typer.Context,
    data_dir: DataDir = None,
    ready: Annotated[
        bool,
        typer.Option(
            "--ready",
            help="Unhealthy too while a database accepts no writes or is written to by another.",
        ),
    ] = False,
) -> None:
    """Check that the collector stores rounds, for health checks.

    Prints one line. Healthy means that the last round is at most three intervals old; a database
    that accepts no writes is mentioned, and with --ready it counts.
    """
    settings = settings_of(context, data_dir=data_dir)
    found = read_health(
        settings.data_dir,
        settings.vantage,
        settings.shard,
        settings.rounds.interval_seconds,
        time.time(),
    )
    reasons = [found.problem or f"the last round is {found.round_age_seconds:.0f} s old"]
    reasons += [
        f"{store} accepts no writes; the collector's log says why"
        for store in found.unavailable_stores
    ]
    reasons += [
        f"another collector writes points of this vantage and shard into {store}"
        for store in found.shared_stores
    ]
    healthy = found.is_healthy(ready=ready)
    typer.echo(f"{'healthy' if healthy else 'unhealthy'}: {'; '.join(reasons)}")
    if not healthy:
        raise typer.Exit(Exit.UNHEALTHY)
