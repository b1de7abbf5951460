"""`events`: what happened."""

from __future__ import annotations

import dataclasses
import time
from typing import Annotated

import typer
from rich.table import Table

from collector.cli.common import AsJson, DataDir, cell, moment, settings_of, show, show_json
from collector.model.event import EventKind
from collector.schema.column import Point
from collector.schema.measurements import NetworkEvent
from collector.store import Reader
from collector.times import HOUR

_POLL_SECONDS = 2.0
_STYLES = {EventKind.DOWN: "red", EventKind.UP: "green"}


def events(
    context: typer.Context,
    data_dir: DataDir = None,
    kind: Annotated[
        list[EventKind] | None,
        typer.Option("--kind", help="Only events of this kind; may be repeated."),
    ] = None,
    hours: Annotated[float, typer.Option("--hours", help="How far to look back.", min=0)] = 24,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new events as they come.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what happened to nodes: down, up, joined, left, moved, upgraded, GPUs come and gone."""
    settings = settings_of(context, data_dir=data_dir)
    with Reader(settings.data_dir) as reader:
        last = reader.last_round() or 0
        found = _between(reader, last - hours * HOUR, last, kind)
        if as_json and not follow:
            show_json([dataclasses.asdict(event) for event in found])
            return
        if not follow:
            _show(found)
            return
        while True:
            for event in found:
                _tell(event, as_json)
            newest = reader.last_round() or last
            if newest <= last:
                time.sleep(_POLL_SECONDS)
                found = []
                continue
            found = _between(reader, last + 1, newest, kind)
            last = newest


def _between(
    reader: Reader, start: float, end: float, kinds: list[EventKind] | None
) -> list[NetworkEvent]:
    """Events of these rounds, oldest first."""
    if not reader.has(NetworkEvent.MEASUREMENT):
        return []
    rows = reader.rows(
        f"SELECT * FROM {NetworkEvent.MEASUREMENT} WHERE time BETWEEN ? AND ? ORDER BY time",
        (start, end),
    )
    found = [NetworkEvent.from_row(row) for row in rows]
    return [event for event in found if not kinds or event.kind in kinds]


def _cells(event: NetworkEvent) -> tuple[Point | str, ...]:
    return moment(event.time), event.kind, event.node[:8], event.text


def _show(found: list[NetworkEvent]) -> None:
    table = Table(title=f"{len(found)} events")
    for heading in ("time", "event", "node", ""):
        table.add_column(heading, no_wrap=heading != "")
    for event in found:
        style = _STYLES.get(EventKind(event.kind), "") if event.kind in list(EventKind) else ""
        table.add_row(*(cell(c, style if i == 1 else "") for i, c in enumerate(_cells(event))))
    show(table, [_cells(event) for event in found])


def _tell(event: NetworkEvent, as_json: bool) -> None:
    if as_json:
        show_json(dataclasses.asdict(event))
    else:
        typer.echo("\t".join(str(c) for c in _cells(event)))
