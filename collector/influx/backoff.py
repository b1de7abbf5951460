"""How long to leave a database alone that does not take what it is given."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubles from `first_seconds` to `ceiling_seconds`; half of it is chance.

    Chance keeps many collectors from coming back to one database all at once.
    """

    first_seconds: float = 1.0
    ceiling_seconds: float = 60.0
    chance: Callable[[], float] = random.random

    def seconds(self, failures: int, asked_seconds: float | None = None) -> float:
        """How long to wait after so many failures in a row (1 or more).

        `asked_seconds` is what the database asked for; it is never asked sooner than that.
        """
        doubled = self.first_seconds * 2.0 ** min(failures - 1, 30)
        wait = min(doubled, self.ceiling_seconds) * (0.5 + 0.5 * self.chance())
        return max(wait, asked_seconds or 0.0)
