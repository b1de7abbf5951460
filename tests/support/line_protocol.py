"""Line protocol as InfluxDB 3 reads it, for the stand-in; apart from the collector's own."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

Value = str | int | float | bool

_TIMES = range(-9_223_372_036, 9_223_372_037)
_FIELD = re.compile(
    r'(?P<key>(?:\\.|[^\\,= ])+)=(?:"(?P<text>(?:\\.|[^"\\])*)"|(?P<bare>[^, ]+))', re.DOTALL
)
_SERIES = re.compile(r"(?P<series>(?:\\.|[^\\ \n])+) ", re.DOTALL)


class ParseError(ValueError):
    """A line that cannot be read."""


@dataclass(frozen=True)
class Row:
    """One point."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, Value], ...]
    time: int


def parse(text: str) -> list[Row]:
    """Return every line; raises ParseError if any cannot be read."""
    rows, at = [], 0
    while at < len(text):
        row, at = _line(text, at)
        rows.append(row)
    return rows


def _line(text: str, at: int) -> tuple[Row, int]:
    series = _SERIES.match(text, at)
    if series is None:
        raise ParseError("no fields")
    measurement, *pairs = re.split(r"(?<!\\),", series["series"])
    tags = []
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not key or not sign or not value:
            raise ParseError("bad tag")
        tags.append((key, _unescaped(value)))
    fields, at = _fields(text, series.end())
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    stamp = text[at:end]
    if not re.fullmatch(r" -?\d+", stamp) or int(stamp) not in _TIMES:
        raise ParseError("bad time")
    return Row(_unescaped(measurement), tuple(tags), tuple(fields), int(stamp)), end + 1


def _fields(text: str, at: int) -> tuple[list[tuple[str, Value]], int]:
    fields: list[tuple[str, Value]] = []
    while True:
        found = _FIELD.match(text, at)
        if found is None:
            raise ParseError("bad field")
        bare = found["bare"]
        value = _bare(bare) if bare is not None else re.sub(r'\\(["\\])', r"\1", found["text"])
        fields.append((found["key"], value))
        at = found.end()
        if text[at : at + 1] != ",":
            return fields, at
        at += 1


def _bare(text: str) -> Value:
    if re.fullmatch(r"-?\d+i", text):
        number = int(text[:-1])
        if number not in range(-(2**63), 2**63):
            raise ParseError("integer past 64 bits")
        return number
    try:
        value = float(text)
    except ValueError:
        raise ParseError("bad value") from None
    if not math.isfinite(value):
        raise ParseError("not finite")
    return value


def _unescaped(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text)
