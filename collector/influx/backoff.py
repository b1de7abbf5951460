"""How long to wait before a failing database is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubles from `first_seconds` to `ceiling_seconds`; half of it is random.

    Randomness keeps many collectors from returning to one database all at once.
    """

    first_seconds: float = 1.0
    ceiling_seconds: float = 60.0
    chance: Callable[[], float] = random.random
    """Returns a number from 0 to 1."""

    def seconds(self, failures: int, retry_after_seconds: float | None = None) -> float:
        """Return how long to wait after so many failures in a row (1 or more).

        It is never less than `retry_after_seconds`, what the database asked for.
        """
        doubled = self.first_seconds * 2.0 ** min(failures - 1, 30)
        wait = min(doubled, self.ceiling_seconds) * (0.5 + 0.5 * self.chance())
        return max(wait, retry_after_seconds or 0.0)
