"""Where panels stand: rows of a height, 24 columns wide, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana.build.query import Json

COLUMNS: Final = 24


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side; their widths make up the whole width."""

    height: int
    panels: tuple[tuple[int, Json], ...]
    title: str = ""
    """Heading above the row; none if empty."""


def row(height: int, *panels: tuple[int, Json], title: str = "") -> Row:
    """A row of (width, panel)."""
    width = sum(width for width, _ in panels)
    if width != COLUMNS:
        names = ", ".join(str(panel["title"]) for _, panel in panels)
        raise ValueError(f"row of {names} is {width} columns wide, not {COLUMNS}")
    return Row(height, panels, title)


def grid(rows: Sequence[Row]) -> list[Json]:
    """Every panel with its id and place."""
    placed: list[Json] = []
    top = 0
    for line in rows:
        if line.title:
            heading = {"type": "row", "title": line.title, "collapsed": False, "panels": []}
            placed.append(_place(heading, len(placed) + 1, 0, top, COLUMNS, 1))
            top += 1
        left = 0
        for width, panel in line.panels:
            placed.append(_place(panel, len(placed) + 1, left, top, width, line.height))
            left += width
        top += line.height
    return placed


def _place(panel: Json, number: int, left: int, top: int, width: int, height: int) -> Json:
    return {"id": number, "gridPos": {"x": left, "y": top, "w": width, "h": height}} | panel
