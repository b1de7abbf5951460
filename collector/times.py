"""Spans of time, the time that a round goes by, and what is due when. Times are epoch seconds."""

from __future__ import annotations

import time as system_time
from email.utils import parsedate_to_datetime
from typing import Final

HOUR: Final = 3600
"""Seconds in an hour."""
DAY: Final = 24 * HOUR
"""Seconds in a UTC day."""
_LONGEST_HEADER: Final = 40


def round_time(now: float, interval_seconds: int) -> int:
    """Return the latest multiple of the interval that is not after `now`."""
    return int(now // interval_seconds) * interval_seconds


def uptime_seconds() -> float:
    """Return the seconds since some moment, time asleep included where the system counts it."""
    boottime: int | None = getattr(system_time, "CLOCK_BOOTTIME", None)
    return system_time.monotonic() if boottime is None else system_time.clock_gettime(boottime)


def is_due(time: float, last: float | None, period_seconds: float, fraction: float) -> bool:
    """Return whether a slot has begun since `last`; True if it was never done (None).

    Slots start every `period_seconds`, later by `fraction` (0 to 1) of the period.
    """
    if last is None:
        return True
    offset = fraction * period_seconds
    return (time - offset) // period_seconds > (last - offset) // period_seconds


def retry_after_seconds(value: str | None, now: float | None = None) -> float | None:
    """Return the seconds of an HTTP header `Retry-After`, which may also be a date; 0 for the past.

    None if it is missing or neither. `now` is this machine's clock by default.
    """
    text = (value or "").strip()
    if not text or len(text) > _LONGEST_HEADER or not text.isascii():
        return None
    if text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, until - (system_time.time() if now is None else now))
