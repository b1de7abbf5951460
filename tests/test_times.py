"""The time that a round goes by, and how long a server asks to wait."""

from __future__ import annotations

import pytest

from collector.times import retry_after_seconds, round_time


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


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("17", 17.0),
        ("1.5", 1.5),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("1.2.3", None),
        ("Sat, 01 Jan 2000 00:00:30 GMT", 30.0),
        ("Fri, 31 Dec 1999 00:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
    ids=str,
)
def test_retry_after_seconds(value: str | None, seconds: float | None) -> None:
    """Seconds or a date, never negative; anything else is no wish."""
    assert retry_after_seconds(value, now=946_684_800.0) == seconds
