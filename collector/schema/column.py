"""What a measurement is made of: typed points, their columns, and what every InfluxDB accepts.

A measurement is a frozen dataclass whose fields say whether they are a tag or a field, their type
and their meaning. `collector.schema.measurements` declares them; none of their names is known here.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Final, Self, TypeVar, dataclass_transform

TIME_RANGE: Final = range(-9_223_372_036, 9_223_372_037)
"""Seconds since 1970 that fit InfluxDB's nanoseconds in 64 bits."""
INTEGER_RANGE: Final = range(-(2**63), 2**63)
TEXT_LIMIT_BYTES: Final = 65_536
"""Longest text field that InfluxDB 2.x takes."""
SERIES_LIMIT_BYTES: Final = 65_000
"""Longest set of tags; a name and its tags must fit 64 KiB with what InfluxDB adds to them."""

Value = str | int | float | None
T = TypeVar("T")


class ColumnKind(Enum):
    """The type of a column, as line protocol and SQL know it."""

    TAG = "tag"
    INTEGER = "integer"
    FLOAT = "float"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Column:
    """One tag or field of a measurement."""

    name: str
    kind: ColumnKind
    doc: str
    digits: int | None = None
    """Decimals that are kept; None keeps all."""
    before: str = ""
    """Of a tag that was added later: what it is for points written before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Base of all measurements: one row at one time. Fields that are None are not written."""

    MEASUREMENT: ClassVar[str]
    """Its name on the wire."""

    time: int
    """The round's scheduled time, in seconds since 1970."""

    @classmethod
    def columns(cls) -> tuple[Column, ...]:
        """Tags by name, then fields in the order of their declaration."""
        return _columns(cls)

    def row(self) -> tuple[Value, ...]:
        """The values in the order of `columns`, in the type of their column, so that none flips.

        Floats are rounded, whole numbers in a float column are floats, flags are 0 or 1, what is
        absent is None.
        """
        values_of, numbers = _plan(type(self))
        values: list[Any] = list(values_of(self))
        for i, floating, digits in numbers:
            value = values[i]
            kind = type(value)
            if kind is float:
                if digits is not None:
                    values[i] = round(value, digits)
            elif kind is bool:
                values[i] = int(value)
            elif floating and kind is int and value in INTEGER_RANGE:
                values[i] = float(value)
        return tuple(values)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return the point of a row that was read back from a file of any version.

        Columns of a newer version are ignored. In a file of an older version, a missing field is
        absent, and a missing tag has the value that it has for points written before it was added.
        """
        values = {
            c.name: row.get(c.name, c.before if c.kind is ColumnKind.TAG else None)
            for c in cls.columns()
        }
        return cls(time=row["time"], **values)

    def objection(self, row: tuple[Value, ...] | None = None) -> str | None:
        """Why some generation of InfluxDB would refuse this point; None if all accept it.

        `row` is what `row()` gives, if it is at hand.
        """
        if type(self.time) is not int or self.time not in TIME_RANGE:
            return f"time {self.time!r} is not whole seconds within 64 bits of nanoseconds"
        written, series = False, 0
        for (label, is_tag, judge), value in zip(
            _judged(type(self)), row or self.row(), strict=True
        ):
            if value is None:
                continue
            if problem := judge(value):
                return f"{label}: {problem}"
            if is_tag:
                series += _written_bytes(str(value))
            else:
                written = True
        if series > SERIES_LIMIT_BYTES:
            return f"its tags take more than {SERIES_LIMIT_BYTES} bytes"
        return None if written else "no field has a value"


_UNTAGGABLE: Final = re.compile(r"[\t\n\r]|\\(?:[\\,= ]|\Z)")
"""InfluxDB 3 ends a tag at a tab, and drops a backslash before another, a comma, `=` or a space."""


def _judge_tag(value: Any) -> str | None:
    if not isinstance(value, str) or not value:
        return f"{value!r} is not text with at least one character"
    if _UNTAGGABLE.search(value):
        return f"{value!r} holds a tab, a line break, or a backslash that would escape"
    return None if _encodable(value) else f"{value!r} is not UTF-8"


def _judge_integer(value: Any) -> str | None:
    if type(value) is not int:
        return f"{value!r} is not an integer"
    return None if value in INTEGER_RANGE else f"{value} does not fit 64 bits"


def _judge_float(value: Any) -> str | None:
    if type(value) is float and math.isfinite(value):
        return None
    return f"{value!r} is not a finite float"


def _judge_text(value: Any) -> str | None:
    if not isinstance(value, str):
        return f"{value!r} is not text"
    if not _encodable(value):
        return f"{value!r} is not UTF-8"
    if len(value) * 4 > TEXT_LIMIT_BYTES and len(value.encode()) > TEXT_LIMIT_BYTES:
        return f"longer than {TEXT_LIMIT_BYTES} bytes"
    return None


_Judge = Callable[[Any], str | None]
_Plan = tuple[Callable[[Any], tuple[Any, ...]], tuple[tuple[int, bool, int | None], ...]]
_JUDGES: Final[dict[ColumnKind, _Judge]] = {
    ColumnKind.TAG: _judge_tag,
    ColumnKind.INTEGER: _judge_integer,
    ColumnKind.FLOAT: _judge_float,
    ColumnKind.TEXT: _judge_text,
}
"""By type, what is wrong with a value that is there, or None."""


def _written_bytes(tag: str) -> int:
    """What a tag takes in line protocol, where comma, equals and space cost a byte more."""
    if len(tag) < 128:
        return 0  # even a hundred such tags fit
    return len(tag.encode()) + sum(map(tag.count, ",= "))


def _encodable(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _declared(cls: type[Point]) -> tuple[Column, ...]:
    declared = [
        Column(f.name, **f.metadata) for f in dataclasses.fields(cls) if "kind" in f.metadata
    ]
    tags = sorted((c for c in declared if c.kind is ColumnKind.TAG), key=lambda c: c.name)
    return (*tags, *(c for c in declared if c.kind is not ColumnKind.TAG))


def _treatments(cls: type[Point]) -> _Plan:
    """What gives the values of all columns at once; of each number its place, type and decimals."""
    names = [c.name for c in _columns(cls)]
    values = attrgetter(*names) if len(names) > 1 else lambda point: (getattr(point, names[0]),)
    return values, tuple(
        (i, c.kind is ColumnKind.FLOAT, c.digits)
        for i, c in enumerate(_columns(cls))
        if c.kind in (ColumnKind.INTEGER, ColumnKind.FLOAT)
    )


def _verdicts(cls: type[Point]) -> tuple[tuple[str, bool, _Judge], ...]:
    """What each column is called in an objection, whether it is a tag, and who judges it."""
    return tuple(
        (f"{c.kind.value} {c.name!r}", c.kind is ColumnKind.TAG, _JUDGES[c.kind])
        for c in _columns(cls)
    )


_columns: Final[Callable[..., tuple[Column, ...]]] = cache(_declared)
_plan: Final[Callable[..., _Plan]] = cache(_treatments)
_judged: Final[Callable[..., tuple[tuple[str, bool, _Judge], ...]]] = cache(_verdicts)


def _field(kind: ColumnKind, doc: str, digits: int | None = None) -> Any:
    metadata = {"kind": kind, "doc": doc, "digits": digits}
    return dataclasses.field(default=None, metadata=metadata)


def tag(doc: str, before: str = "") -> Any:
    """A tag: always there, never empty. `before`: see `Column.before`."""
    metadata = {"kind": ColumnKind.TAG, "doc": doc, "before": before}
    return dataclasses.field(metadata=metadata)


def integer(doc: str) -> Any:
    """A whole number; flags are 0 or 1."""
    return _field(ColumnKind.INTEGER, doc)


def real(doc: str) -> Any:
    """A float that is kept as it is."""
    return _field(ColumnKind.FLOAT, doc)


def seconds(doc: str) -> Any:
    """A float in seconds, kept to 0.1 ms."""
    return _field(ColumnKind.FLOAT, doc, digits=4)


def ratio(doc: str) -> Any:
    """A float without unit, kept to 4 decimals."""
    return _field(ColumnKind.FLOAT, doc, digits=4)


def string(doc: str) -> Any:
    """A text field."""
    return _field(ColumnKind.TEXT, doc)


@dataclass_transform(
    kw_only_default=True,
    frozen_default=True,
    field_specifiers=(tag, integer, real, seconds, ratio, string),
)
def measurement(cls: type[T]) -> type[T]:
    """Class decorator of a measurement: a frozen dataclass, every column of which must be given.

    That every column is given, absent ones as None, is held by the type checker.
    """
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)
