"""Spans of time, the time that a round goes by, and what is due in it. Times are epoch seconds."""

from __future__ import annotations

from typing import Final

HOUR: Final = 3600
"""Seconds in an hour."""
DAY: Final = 24 * HOUR
"""Seconds in a UTC day."""


def round_time(now: float, interval_seconds: int) -> int:
    """Return the latest multiple of the interval that is not after `now`."""
    return int(now // interval_seconds) * interval_seconds


def is_due(time: float, last: float | None, period_seconds: float, fraction: float) -> bool:
    """Return whether a slot has begun since `last`; True if it was never done (None).

    Slots start every `period_seconds`, later by `fraction` (0 to 1) of the period.
    """
    if last is None:
        return True
    offset = fraction * period_seconds
    return (time - offset) // period_seconds > (last - offset) // period_seconds
