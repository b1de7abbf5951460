"""What a measurement is made of: points, their columns, and how these are declared.

A measurement is a frozen dataclass whose fields say whether they are a tag or a field, their type
and their meaning. `collector.schema.measurements` declares them; none of their names is known here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Final, Self, TypeVar, dataclass_transform

from collector.schema.limits import (
    INTEGER_RANGE,
    SERIES_LIMIT_BYTES,
    check_float,
    check_integer,
    check_tag,
    check_text,
    check_time,
    tag_bytes,
)
from collector.text import without_controls

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
    """Its meaning, for the documentation."""
    digits: int | None = None
    """Decimals that are kept; None keeps all."""
    before: str = ""
    """Of a tag that was added later: its value for points that were written before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Base of all measurements: one row at one time. Fields that are None are not written."""

    MEASUREMENT: ClassVar[str]
    """Name of the measurement in line protocol and SQL."""

    time: int
    """The round's scheduled time, in seconds since 1970."""

    @classmethod
    def columns(cls) -> tuple[Column, ...]:
        """Return the tags by name, then the fields in the order of their declaration."""
        return _columns(cls)

    def row(self) -> tuple[Value, ...]:
        """Return the values in the order of `columns`, each in the type of its column.

        Floats are rounded, whole numbers in a float column are floats, flags are 0 or 1, what is
        absent is None. Control characters and line breaks in text fields are spaces: InfluxDB takes
        them, but openGemini loses a line with a line break in it.
        """
        values_of, numbers, texts = _conversions(type(self))
        values: list[Any] = list(values_of(self))
        for i, is_float, digits in numbers:
            value = values[i]
            kind = type(value)
            if kind is float:
                if digits is not None:
                    values[i] = round(value, digits)
            elif kind is bool:
                values[i] = int(value)
            elif is_float and kind is int and value in INTEGER_RANGE:
                values[i] = float(value)
        for i in texts:
            value = values[i]
            if type(value) is str:
                values[i] = without_controls(value)
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

    def rejection_reason(self, row: tuple[Value, ...] | None = None) -> str | None:
        """Return why some generation of InfluxDB would reject this point; None if all accept it.

        `row` is what `row()` returns, for a caller that has it already.
        """
        if reason := check_time(self.time):
            return reason
        has_field, series_bytes = False, 0
        for (label, is_tag, check), value in zip(
            _checks(type(self)), row or self.row(), strict=True
        ):
            if value is None:
                continue
            if reason := check(value):
                return f"{label}: {reason}"
            if is_tag:
                series_bytes += tag_bytes(str(value))
            else:
                has_field = True
        if series_bytes > SERIES_LIMIT_BYTES:
            return f"its tags take more than {SERIES_LIMIT_BYTES} bytes"
        return None if has_field else "no field has a value"


_Check = Callable[[Any], str | None]
_Numbers = tuple[tuple[int, bool, int | None], ...]
_Conversions = tuple[Callable[[Any], tuple[Any, ...]], _Numbers, tuple[int, ...]]
_CHECK_OF: Final[dict[ColumnKind, _Check]] = {
    ColumnKind.TAG: check_tag,
    ColumnKind.INTEGER: check_integer,
    ColumnKind.FLOAT: check_float,
    ColumnKind.TEXT: check_text,
}


def _declared_columns(cls: type[Point]) -> tuple[Column, ...]:
    declared = [
        Column(f.name, **f.metadata) for f in dataclasses.fields(cls) if "kind" in f.metadata
    ]
    tags = sorted((c for c in declared if c.kind is ColumnKind.TAG), key=lambda c: c.name)
    return (*tags, *(c for c in declared if c.kind is not ColumnKind.TAG))


def _conversions_of(cls: type[Point]) -> _Conversions:
    """Return what gets all values; of each number its place, type and decimals; places of text."""
    columns = _columns(cls)
    names = [c.name for c in columns]
    values = attrgetter(*names) if len(names) > 1 else lambda point: (getattr(point, names[0]),)
    numbers = tuple(
        (i, c.kind is ColumnKind.FLOAT, c.digits)
        for i, c in enumerate(columns)
        if c.kind in (ColumnKind.INTEGER, ColumnKind.FLOAT)
    )
    return values, numbers, tuple(i for i, c in enumerate(columns) if c.kind is ColumnKind.TEXT)


def _checks_of(cls: type[Point]) -> tuple[tuple[str, bool, _Check], ...]:
    """Return of each column its name in a reason, whether it is a tag, and its check."""
    return tuple(
        (f"{c.kind.value} {c.name!r}", c.kind is ColumnKind.TAG, _CHECK_OF[c.kind])
        for c in _columns(cls)
    )


_columns: Final[Callable[..., tuple[Column, ...]]] = cache(_declared_columns)
_conversions: Final[Callable[..., _Conversions]] = cache(_conversions_of)
_checks: Final[Callable[..., tuple[tuple[str, bool, _Check], ...]]] = cache(_checks_of)


def _field(kind: ColumnKind, doc: str, digits: int | None = None) -> Any:
    metadata = {"kind": kind, "doc": doc, "digits": digits}
    return dataclasses.field(default=None, metadata=metadata)


def tag(doc: str, before: str = "") -> Any:
    """Declare a tag: always there, never empty. `before` is explained at `Column.before`."""
    return dataclasses.field(metadata={"kind": ColumnKind.TAG, "doc": doc, "before": before})


def integer(doc: str) -> Any:
    """Declare a whole number; flags are 0 or 1."""
    return _field(ColumnKind.INTEGER, doc)


def real(doc: str) -> Any:
    """Declare a float that is kept as it is."""
    return _field(ColumnKind.FLOAT, doc)


def seconds(doc: str) -> Any:
    """Declare a float in seconds, kept to 0.1 ms."""
    return _field(ColumnKind.FLOAT, doc, digits=4)


def ratio(doc: str) -> Any:
    """Declare a float without unit, kept to 4 decimals."""
    return _field(ColumnKind.FLOAT, doc, digits=4)


def string(doc: str) -> Any:
    """Declare a text field."""
    return _field(ColumnKind.TEXT, doc)


@dataclass_transform(
    kw_only_default=True,
    frozen_default=True,
    field_specifiers=(tag, integer, real, seconds, ratio, string),
)
def measurement(cls: type[T]) -> type[T]:
    """Make a class a measurement: a frozen dataclass of which every column must be given.

    The type checker demands every column, absent ones as None.
    """
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)
