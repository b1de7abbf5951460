"""The time that a round goes by."""

from __future__ import annotations

import pytest

from collector.times import round_time


@pytest.mark.parametrize(
    ("now", "interval", "expected"),
    [
        pytest.param(1_700_000_059.9, 60, 1_700_000_040, id="just-before"),
        pytest.param(1_700_000_040.0, 60, 1_700_000_040, id="exactly"),
        pytest.param(1_700_000_040.1, 60, 1_700_000_040, id="just-after"),
        pytest.param(59.0, 60, 0, id="epoch"),
    ],
)
def test_round_time(now: float, interval: int, expected: int) -> None:
    """The multiple of the interval that has just passed."""
    assert round_time(now, interval) == expected
