"""Typed points: columns, rows, rounding, and what every InfluxDB accepts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.schema.column import (
    Column,
    ColumnKind,
    Point,
    integer,
    ratio,
    real,
    seconds,
    string,
    tag,
)
from collector.schema.limits import SERIES_LIMIT_BYTES, TEXT_LIMIT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather(Point):
    """Made up."""

    MEASUREMENT: ClassVar[str] = "weather"
    warm: bool | None = integer("1 if it is warm.")
    town: str = tag("Where.")
    rain: float | None = real("Rain.")
    area: str = tag("Around.")
    lasted: float | None = seconds("How long.")
    share: float | None = ratio("Of the sky.")
    said: str | None = string("In words.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Single(Point):
    """One column only."""

    MEASUREMENT: ClassVar[str] = "single"
    warm: bool | None = integer("1 if it is warm.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Later(Weather):
    """The same with a tag that was added later."""

    hour: str = tag("Of the day.", before="0")


def weather(**values: Any) -> Weather:
    """Return a point with one field, if no others are given."""
    given: dict[str, Any] = {"time": 60, "town": "Rome", "area": "Lazio", "warm": True} | values
    return Weather(**given)


def test_columns() -> None:
    """Tags come first, by name; fields follow as they are declared, with type and meaning."""
    assert Weather.columns() == (
        Column("area", ColumnKind.TAG, "Around."),
        Column("town", ColumnKind.TAG, "Where."),
        Column("warm", ColumnKind.INTEGER, "1 if it is warm."),
        Column("rain", ColumnKind.FLOAT, "Rain."),
        Column("lasted", ColumnKind.FLOAT, "How long.", 4),
        Column("share", ColumnKind.FLOAT, "Of the sky.", 4),
        Column("said", ColumnKind.TEXT, "In words."),
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({}, ("Lazio", "Rome", 1, None, None, None, None), id="absent-is-none"),
        pytest.param({"warm": False}, ("Lazio", "Rome", 0, *[None] * 4), id="a-flag-is-0-or-1"),
        pytest.param(
            {"rain": 0.123456789, "lasted": 0.12345, "share": 0.99999},
            ("Lazio", "Rome", 1, 0.123456789, 0.1235, 1.0, None),
            id="rounded-where-declared",
        ),
        pytest.param(
            {"rain": 20, "lasted": 20, "share": 1},
            ("Lazio", "Rome", 1, 20.0, 20.0, 1.0, None),
            id="whole-numbers-become-floats",
        ),
    ],
)
def test_row(values: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """A row has the values in the order of the columns, each in its column's type."""
    row = weather(**values).row()
    assert row == expected
    assert [type(v) for v in row] == [type(v) for v in expected]


def test_a_single_column() -> None:
    """A measurement of one column is one like any other."""
    assert Single(time=0, warm=True).row() == (1,)


@given(
    st.one_of(st.integers(), st.booleans(), st.floats(), st.text()),
    st.sampled_from(["rain", "lasted"]),
)
def test_types_never_flip(value: Any, column: str) -> None:
    """A float column holds finite floats or the point is refused; 20 and 20.0 are the same."""
    point = weather(**{column: value})
    row = dict(zip([c.name for c in point.columns()], point.row(), strict=True))
    if point.rejection_reason() is None:
        written = row[column]
        assert type(written) is float
        assert math.isfinite(written)
    else:
        assert isinstance(value, bool | str) or not math.isfinite(value) or abs(value) >= 2**63


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param({}, None, id="good"),
        pytest.param({"warm": None}, "no field has a value", id="no-field"),
        pytest.param({"town": ""}, "tag 'town': '' is not text with at least", id="empty-tag"),
        pytest.param({"town": 5}, "tag 'town': 5 is not text", id="number-as-tag"),
        pytest.param({"town": "a\nb"}, "holds a tab, a line break", id="line-break-in-tag"),
        pytest.param({"town": "a\\"}, "a backslash that would escape", id="backslash-at-end"),
        pytest.param({"town": "a\\b"}, None, id="backslash-that-escapes-nothing"),
        pytest.param({"town": "\ud800"}, "is not UTF-8", id="surrogate-in-tag"),
        pytest.param({"said": "\ud800"}, "text 'said': '\\ud800' is not UTF-8", id="surrogate"),
        pytest.param({"said": ""}, None, id="empty-text"),
        pytest.param({"said": "a\nb"}, None, id="line-break-in-text"),
        pytest.param({"said": 5}, "text 'said': 5 is not text", id="number-as-text"),
        pytest.param({"said": "é" * (TEXT_LIMIT_BYTES // 2)}, None, id="longest-text"),
        pytest.param({"said": "é" * (TEXT_LIMIT_BYTES // 2) + "x"}, "longer than", id="too-long"),
        pytest.param({"town": " " * SERIES_LIMIT_BYTES}, "its tags take more", id="long-series"),
        pytest.param({"warm": 2**63 - 1}, None, id="largest-integer"),
        pytest.param({"warm": 2**63}, "does not fit 64 bits", id="integer-too-large"),
        pytest.param({"warm": 1.0}, "integer 'warm': 1.0 is not an integer", id="float-as-integer"),
        pytest.param({"rain": math.nan}, "float 'rain': nan is not a finite", id="nan"),
        pytest.param({"lasted": math.inf}, "float 'lasted': inf is not", id="infinite"),
        pytest.param({"rain": True}, "is not a finite float", id="flag-as-float"),
        pytest.param({"time": 60.0}, "time 60.0 is not whole seconds", id="fraction-of-time"),
        pytest.param({"time": 9_223_372_037}, "64 bits of nanoseconds", id="past-2262"),
    ],
)
def test_rejection_reason(values: dict[str, Any], words: str | None) -> None:
    """What some generation of InfluxDB would reject has a reason, which names the column."""
    reason = weather(**values).rejection_reason()
    assert (reason is None) is (words is None)
    assert (words or "") in (reason or "")


def test_from_row() -> None:
    """A row that was read back is the point again; columns of a newer version are passed over."""
    point = weather(rain=0.5, said="so")
    row = dict(zip([c.name for c in point.columns()], point.row(), strict=True))
    assert Weather.from_row(row | {"time": 60, "invented_later": 1}) == point


def test_from_row_of_an_older_file() -> None:
    """A tag that the file lacks has its value of before, a field that it lacks is absent."""
    row = {"time": 60, "town": "Rome", "area": "Lazio", "warm": 1}
    assert Later.from_row(row) == Later(time=60, town="Rome", area="Lazio", warm=True, hour="0")


def test_text_fields_hold_no_controls() -> None:
    """A text field has spaces for control characters and line breaks, and all else as it is."""
    point = weather(said="a\nb\r\n\tc\x00\x1b[1m\x7f\x85\u2028d é\u00a0\\")
    assert point.row()[-1] == "a b   c  [1m   d é\u00a0\\"
