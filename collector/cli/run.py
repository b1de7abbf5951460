"""`run`: rounds on schedule until a signal asks to stop."""

from __future__ import annotations

import typer

from collector.cli.common import DataDir, Directory, settings_of
from collector.service.event_loop import run_async
from collector.service.run import serve


def run(context: typer.Context, directory: Directory = None, data_dir: DataDir = None) -> None:
    """Crawl every node once a minute, until stopped, and store each round.

    Logs one line per round to the standard error. Ctrl-C, SIGTERM or SIGHUP lets the round under
    way finish; a second one forces.
    """
    settings = settings_of(context, directory, data_dir, log=True)
    run_async(serve(settings))
