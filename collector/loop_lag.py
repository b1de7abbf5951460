"""Measures how long the event loop did not listen: time that must not be blamed on a node."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from collector.times import uptime_seconds

LATE_WINDOW_SECONDS: Final = 5.0
"""The time that a connection may take, by default. What counts is how much of it was lost."""
_SAMPLE_SECONDS: Final = 0.05
"""Of each turn of a busy loop less than this escapes; a visit takes perhaps 25 turns.
On a busy machine an idle loop wakes up late, too, which costs nobody anything: with shorter samples
that would count for more."""
_STANDSTILL_SECONDS: Final = 0.5
"""No peer and no router loses patience over a shorter one."""
_LEAP_SECONDS: Final = 1.0
"""What a clock gains less on the monotonic one at once may be its adjustment."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks that tell where time went, each in seconds."""

    monotonic: Callable[[], float] = time.monotonic
    """Goes on while this process is stopped, and not while the machine sleeps."""
    uptime: Callable[[], float] = uptime_seconds
    """Goes on while the machine sleeps, where the system has such a clock."""
    wall: Callable[[], float] = time.time
    """Leaps when a virtual machine goes on that was paused, and when somebody sets it."""

    def gains(self) -> tuple[float, float]:
        """Return by how much uptime and wall clock are ahead of the monotonic clock."""
        now = self.monotonic()
        return self.uptime() - now, self.wall() - now


class LoopLag:
    """Adds up, while it is entered, the time in which the loop was late, and this machine away.

    *Late*: timers of the loop came after their time, since it was busy or had no processor. *Away*:
    time that the monotonic clock, and so every timer of the loop, knows nothing of.
    """

    def __init__(self, clocks: Clocks | None = None) -> None:
        self.worst_seconds = 0.0
        """The longest that a sample came late since it was entered."""
        self.most_late_seconds = 0.0
        """The most that samples came late in sum within the window; no less than the longest."""
        self.away_seconds = 0.0
        """How long this machine was away in sum since it was entered, as of the last sample."""
        self.clocks = clocks or Clocks()
        self._late_seconds = 0.0
        self._standstill_seconds = 0.0
        self._due = math.inf
        self._gains = (math.inf, math.inf)
        self._samples: deque[tuple[float, float]] = deque()
        """When a sample was taken, and the sum then; the first is older than the window."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def late_seconds(self) -> float:
        """In sum up to now, a standstill included that has only just ended.

        Read at two moments, the difference is what was lost between them.
        """
        return self._late_seconds + self._overdue_seconds()

    @property
    def standstill_seconds(self) -> float:
        """In sum up to now, as far as a peer may have noticed it; time away included."""
        return (
            self._standstill_seconds + _standstill(self._overdue_seconds()) + self._leap_seconds()
        )

    async def __aenter__(self) -> Self:
        self.worst_seconds = self.most_late_seconds = self.away_seconds = 0.0
        self._samples = deque([(-math.inf, self._late_seconds)])
        self._gains = self.clocks.gains()
        self._schedule()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._record()
        self._due = math.inf
        self._gains = (math.inf, math.inf)
        if self._timer:
            self._timer.cancel()

    def _schedule(self) -> None:
        self._due = self.clocks.monotonic() + _SAMPLE_SECONDS
        self._timer = asyncio.get_running_loop().call_later(_SAMPLE_SECONDS, self._sample)

    def _sample(self) -> None:
        self._record()
        self._schedule()

    def _record(self) -> None:
        late_seconds = self._overdue_seconds()
        self.worst_seconds = max(self.worst_seconds, late_seconds)
        self._late_seconds += late_seconds
        self._due += late_seconds
        leap_seconds = self._leap_seconds()
        self.away_seconds += leap_seconds
        self._standstill_seconds += _standstill(late_seconds) + leap_seconds
        self._gains = self.clocks.gains()
        now = self.clocks.monotonic()
        self._samples.append((now, self._late_seconds))
        while self._samples[1][0] <= now - LATE_WINDOW_SECONDS:
            self._samples.popleft()
        in_window_seconds = self._late_seconds - self._samples[0][1]
        self.most_late_seconds = max(self.most_late_seconds, in_window_seconds)

    def _overdue_seconds(self) -> float:
        return max(0.0, self.clocks.monotonic() - self._due)

    def _leap_seconds(self) -> float:
        """Return how far a clock has leapt since the last sample; 0 for what is no leap."""
        leap = max(now - then for now, then in zip(self.clocks.gains(), self._gains, strict=True))
        return leap if leap >= _LEAP_SECONDS else 0.0


def _standstill(seconds: float) -> float:
    return seconds if seconds >= _STANDSTILL_SECONDS else 0.0
