"""`events`: what changed."""

from __future__ import annotations

import dataclasses
import time
from typing import Annotated

import typer

from collector.cli.common import AsJson, DataDir, settings_of
from collector.cli.output import Cell, Column, Result, print_json, print_line, print_result, utc
from collector.model.event import EventKind
from collector.schema.measurements import NetworkEvent
from collector.service.status import open_reader, warn_of_future
from collector.store import Reader
from collector.times import HOUR

_POLL_SECONDS = 2.0
_STYLES = {EventKind.DOWN.value: "red", EventKind.UP.value: "green"}
_COLUMNS = (
    Column("time", wrap=False),
    Column("event", wrap=False),
    Column("node", wrap=False),
    Column("text", always=True),
)


def events(
    context: typer.Context,
    data_dir: DataDir = None,
    kind: Annotated[
        list[EventKind] | None,
        typer.Option("--kind", help="Only events of this kind; may be repeated."),
    ] = None,
    hours: Annotated[
        float, typer.Option("--hours", help="How far to look back from the last round.", min=0)
    ] = 24,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Then print new events as they come.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the events of the last day: nodes down or up, joined or left, new versions, GPU changes.

    With --follow each event is a line of its own, tab-separated or JSON, until Ctrl-C. Works while
    a collector uses the data directory.
    """
    settings = settings_of(context, data_dir=data_dir)
    tags = {"kind": [str(wanted) for wanted in kind]} if kind else {}
    with open_reader(settings.data_dir, settings.rounds.interval_seconds) as reader:
        warn_of_future(reader)
        commits = reader.commits_since()
        last = reader.last_round() or 0
        found = reader.between(NetworkEvent, last - hours * HOUR, last, **tags)
        if not follow:
            print_result(_result(found), as_json=as_json)
            return
        _print_each(found, as_json)
        _follow(reader, commits[-1][0] if commits else 0, tags, as_json)


def _follow(reader: Reader, number: int, tags: dict[str, list[str]], as_json: bool) -> None:
    """Print the events of each round that is committed after one, for ever."""
    while True:
        time.sleep(_POLL_SECONDS)
        for committed, round_time in reader.commits_since(number):
            _print_each(reader.between(NetworkEvent, round_time, round_time, **tags), as_json)
            number = committed


def _print_each(found: list[NetworkEvent], as_json: bool) -> None:
    for event in found:
        if as_json:
            print_json(dataclasses.asdict(event))
        else:
            print_line(_row(event))


def _result(found: list[NetworkEvent]) -> Result:
    return Result(
        columns=_COLUMNS,
        rows=[_row(event) for event in found],
        document=[dataclasses.asdict(event) for event in found],
        title=f"{len(found)} events",
    )


def _row(event: NetworkEvent) -> list[object]:
    kind = Cell(event.kind, style=_STYLES.get(event.kind, ""))
    return [utc(event.time), kind, event.node[:8], event.text]
