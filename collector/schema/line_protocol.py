"""Line protocol: a point as text, the same for every generation of InfluxDB."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

from collector.schema.column import ColumnKind, Point, Value


def line(point: Point, row: tuple[Value, ...] | None = None) -> str:
    """Return one point as one line, without line break; tags sorted by name, time in seconds.

    The point must be one that InfluxDB accepts (`Point.rejection_reason` is None). `row` is what
    its `row()` returns, for a caller that has it already.
    """
    tags, fields = _formats(type(point))
    row = row or point.row()
    series = "".join(
        [
            f"{prefix}{format_value(v)}"
            for (prefix, format_value), v in zip(tags, row, strict=False)
            if v is not None
        ]
    )
    written = ",".join(
        [
            f"{prefix}{format_value(v)}"
            for (prefix, format_value), v in zip(fields, row[len(tags) :], strict=True)
            if v is not None
        ]
    )
    return f"{point.MEASUREMENT}{series} {written} {point.time}"


def lines(points: Iterable[Point]) -> bytes:
    """Return the body of one write: a line per point, each with its line break."""
    return "".join([f"{line(point)}\n" for point in points]).encode()


def _format_tag(value: Any) -> str:
    text = str(value)
    if "," in text or "=" in text or " " in text:  # any of them would end the tag
        return text.replace(",", r"\,").replace("=", r"\=").replace(" ", r"\ ")
    return text


def _format_text(value: Any) -> str:
    text = str(value)
    if '"' in text or "\\" in text:
        text = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{text}"'


_FORMAT: Final[dict[ColumnKind, Callable[[Any], str]]] = {
    ColumnKind.TAG: _format_tag,
    ColumnKind.INTEGER: "{}i".format,
    ColumnKind.FLOAT: repr,
    ColumnKind.TEXT: _format_text,
}

_Formats = tuple[tuple[str, Callable[[Any], str]], ...]


def _formats_of(cls: type[Point]) -> tuple[_Formats, _Formats]:
    """Return of each tag, then of each field, what precedes its value and what formats it."""
    columns = cls.columns()
    return (
        tuple((f",{c.name}=", _FORMAT[c.kind]) for c in columns if c.kind is ColumnKind.TAG),
        tuple((f"{c.name}=", _FORMAT[c.kind]) for c in columns if c.kind is not ColumnKind.TAG),
    )


_formats: Final[Callable[..., tuple[_Formats, _Formats]]] = cache(_formats_of)
