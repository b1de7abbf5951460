"""Line protocol: how a point looks on the wire. Needed by every InfluxDB, so written once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from collector.measurement import Kind, Point, Value

_IN_TAG: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_IN_TEXT: Final = str.maketrans({'"': r"\"", "\\": r"\\"})


def line(point: Point, row: tuple[Value, ...] | None = None) -> str:
    """One point as one line, without line break; time in seconds. Tags are sorted by name.

    The point must have no objection (`Point.objection`). `row` is what `row()` gives, if it is at
    hand.
    """
    series = [point.MEASUREMENT]
    fields = []
    for column, value in zip(point.columns(), row or point.row(), strict=True):
        if value is None:
            continue
        match column.kind:
            case Kind.TAG:
                series.append(f"{column.name}={str(value).translate(_IN_TAG)}")
            case Kind.INTEGER:
                fields.append(f"{column.name}={value}i")
            case Kind.FLOAT:
                fields.append(f"{column.name}={value!r}")
            case Kind.TEXT:
                fields.append(f'{column.name}="{str(value).translate(_IN_TEXT)}"')
    return f"{','.join(series)} {','.join(fields)} {point.time}"


def lines(points: Iterable[Point]) -> bytes:
    """The body of one write: a line per point, each with its line break."""
    return "".join(f"{line(point)}\n" for point in points).encode()
