"""Line protocol: how a point looks on the wire. Needed by every InfluxDB, so written once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from collector.schema.column import ColumnKind, Point, Value


def line(point: Point, row: tuple[Value, ...] | None = None) -> str:
    """One point as one line, without line break; time in seconds. Tags are sorted by name.

    The point must have no objection (`Point.objection`). `row` is what its `row()`
    gives, if it is at hand.
    """
    tags, fields = _writers(type(point))
    row = row or point.row()
    series = "".join(
        [
            f"{start}{write(v)}"
            for (start, write), v in zip(tags, row, strict=False)
            if v is not None
        ]
    )
    written = ",".join(
        [
            f"{start}{write(v)}"
            for (start, write), v in zip(fields, row[len(tags) :], strict=True)
            if v is not None
        ]
    )
    return f"{point.MEASUREMENT}{series} {written} {point.time}"


def lines(points: Iterable[Point]) -> bytes:
    """The body of one write: a line per point, each with its line break."""
    return "".join([f"{line(point)}\n" for point in points]).encode()


def _tag(value: Any) -> str:
    """A comma, an equals sign or a space would end the tag."""
    text = str(value)
    if "," in text or "=" in text or " " in text:
        return text.replace(",", r"\,").replace("=", r"\=").replace(" ", r"\ ")
    return text


def _text(value: Any) -> str:
    text = str(value)
    if '"' in text or "\\" in text:
        text = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{text}"'


_WRITE: Final[dict[ColumnKind, Callable[[Any], str]]] = {
    ColumnKind.TAG: _tag,
    ColumnKind.INTEGER: "{}i".format,
    ColumnKind.FLOAT: repr,
    ColumnKind.TEXT: _text,
}

_Writers = tuple[tuple[str, Callable[[Any], str]], ...]


def _written(cls: type[Point]) -> tuple[_Writers, _Writers]:
    """For each tag, then for each field, what stands before its value and what writes that."""
    columns = cls.columns()
    return (
        tuple((f",{c.name}=", _WRITE[c.kind]) for c in columns if c.kind is ColumnKind.TAG),
        tuple((f"{c.name}=", _WRITE[c.kind]) for c in columns if c.kind is not ColumnKind.TAG),
    )


_writers: Final[Callable[..., tuple[_Writers, _Writers]]] = cache(_written)
