"""What is due now and then, spread over the rounds by a stable fraction of each node."""

from __future__ import annotations


def is_due(time: float, last: float | None, period_seconds: float, fraction: float) -> bool:
    """Whether a slot has begun since `last`; slots start every period, offset by the fraction.

    Never done is due.
    """
    if last is None:
        return True
    offset = fraction * period_seconds
    return (time - offset) // period_seconds > (last - offset) // period_seconds
