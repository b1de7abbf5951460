"""`health`: whether a collector is at work, for health checks."""

from __future__ import annotations

import time
from typing import Annotated, Final, NoReturn

import typer

from collector.cli.common import DataDir, settings_of
from collector.errors import DataDirectoryError, Exit
from collector.schema.measurements import CollectorStore
from collector.store import Reader

_LATE_ROUNDS: Final = 3
"""A collector whose last round is older than this many intervals is not at work."""


def health(
    context: typer.Context,
    data_dir: DataDir = None,
    ready: Annotated[
        bool, typer.Option("--ready", help="Not healthy either while a database takes nothing.")
    ] = False,
) -> None:
    """Say in one line whether rounds are kept; exits with 9 if not."""
    settings = settings_of(context, data_dir=data_dir)
    interval = settings.rounds.interval_seconds
    try:
        with Reader(settings.data_dir) as reader:
            last = reader.last_round()
            stores = reader.latest(
                CollectorStore, _LATE_ROUNDS * interval, vantage=settings.vantage
            )
    except DataDirectoryError as exc:
        _unhealthy(str(exc))
    if last is None:
        _unhealthy("no round was kept yet")
    age = time.time() - last
    if age > _LATE_ROUNDS * interval:
        _unhealthy(f"the last round is {age:.0f} s old, with one every {interval} s")
    ours = [store for store in stores if store.shard == settings.shard]
    away = sorted({store.store for store in ours if not store.connected})
    if away and ready:
        _unhealthy(f"{', '.join(away)} takes nothing, rounds wait; the log says why")
    waiting = f"; {', '.join(away)} takes nothing, rounds wait" if away else ""
    typer.echo(f"healthy: the last round is {age:.0f} s old{waiting}")


def _unhealthy(reason: str) -> NoReturn:
    typer.echo(f"unhealthy: {reason}")
    raise typer.Exit(Exit.UNHEALTHY)
