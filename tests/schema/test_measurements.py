"""The declared measurements have exactly the expected columns."""

from __future__ import annotations

import pytest

from collector.schema.column import ColumnKind, Point
from collector.schema.measurements import (
    MEASUREMENTS,
)
from tests.support.expected_schema import SCHEMA, fields_of


def test_measurements() -> None:
    """Every measurement is declared, once, and nothing besides."""
    assert [m.MEASUREMENT for m in MEASUREMENTS] == list(SCHEMA)


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=lambda m: m.MEASUREMENT)
def test_columns(measurement: type[Point]) -> None:
    """Each measurement has exactly these tags and fields, with these types."""
    tags, fields = SCHEMA[measurement.MEASUREMENT]
    columns = measurement.columns()
    assert [c.name for c in columns if c.kind is ColumnKind.TAG] == tags.split()
    declared = {c.name: c.kind.value for c in columns if c.kind is not ColumnKind.TAG}
    assert declared == fields_of(fields)
    assert len({c.name for c in columns} | {"time"}) == len(columns) + 1


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=lambda m: m.MEASUREMENT)
def test_precision(measurement: type[Point]) -> None:
    """Seconds, ratios and scores are kept to 4 decimals, bytes and weights as they are."""
    kept = {c.name: c.digits for c in measurement.columns() if c.kind is ColumnKind.FLOAT}
    assert kept == {
        name: None if name.endswith("_bytes") or name == "weight" else 4 for name in kept
    }
