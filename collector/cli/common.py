"""What several commands share: options, settings, tables."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.cli.log import log_to_stderr
from collector.service.load_settings import load_settings
from collector.service.settings import Settings

Directory = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        metavar="FILE",
        help="Nodes from a saved aggregate, a saved crns.json or lines `hash address`.",
    ),
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Where everything is kept.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


def settings_of(
    context: typer.Context,
    directory: Path | None = None,
    data_dir: Path | None = None,
    log: bool = False,
) -> Settings:
    """The effective settings; options win. `log` sets up logging to the standard error."""
    overrides: dict[str, Any] = {}
    if data_dir:
        overrides["data_dir"] = data_dir
    if directory:
        overrides["directory"] = {"file": directory}
    settings = load_settings(context.obj, **overrides)
    log_to_stderr(settings.log_level if log else "WARNING")
    return settings


def show(table: Table, plain: Iterable[Iterable[object]]) -> None:
    """A table in a terminal, tab-separated lines in a pipe."""
    if sys.stdout.isatty():
        Console().print(table)
        return
    for row in plain:
        typer.echo("\t".join("" if cell is None else str(cell) for cell in row))


def show_json(answer: object) -> None:
    """For scripts."""
    typer.echo(json.dumps(answer, indent=2 if sys.stdout.isatty() else None, default=str))


def cell(value: object, style: str = "") -> Text:
    """Text that is never read as markup: names come from strangers."""
    return Text("" if value is None else str(value), style=style)


def moment(time: float | None) -> str:
    """A time for people, in UTC."""
    return "" if time is None else f"{dt.datetime.fromtimestamp(time, dt.UTC):%Y-%m-%d %H:%M:%SZ}"
