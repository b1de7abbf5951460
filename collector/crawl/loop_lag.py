"""Measures how late the event loop is: time that must not be blamed on a node."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from types import TracebackType
from typing import Final, Self

LATE_WINDOW_SECONDS: Final = 5.0
"""The time that a connection may take, by default. What counts is how much of it was lost."""
_SAMPLE_SECONDS: Final = 0.1


class LoopLag:
    """Adds up while it is entered how late the loop was, callback after callback."""

    def __init__(self) -> None:
        self.worst_seconds = 0.0
        """The longest that a sample came late; 0 before the first."""
        self.most_late_seconds = 0.0
        """The most that samples came late in sum within the window; no less than the longest."""
        self._late_seconds = 0.0
        self._samples: deque[tuple[float, float]] = deque([(-math.inf, 0.0)])
        """When a sample was taken, and the sum then; the first is older than the window."""
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def late_seconds(self) -> float:
        """In sum up to now, a standstill included that has only just ended.

        Read at two moments, the difference is what was lost between them.
        """
        return self._late_seconds + self._overdue_seconds()

    async def __aenter__(self) -> Self:
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
        if self._timer:
            self._timer.cancel()

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + _SAMPLE_SECONDS
        self._timer = loop.call_at(self._due, self._sample)

    def _sample(self) -> None:
        self._record()
        self._schedule()

    def _record(self) -> None:
        late_seconds = self._overdue_seconds()
        self.worst_seconds = max(self.worst_seconds, late_seconds)
        self._late_seconds += late_seconds
        self._due += late_seconds
        now = asyncio.get_running_loop().time()
        self._samples.append((now, self._late_seconds))
        while self._samples[1][0] <= now - LATE_WINDOW_SECONDS:
            self._samples.popleft()
        in_window_seconds = self._late_seconds - self._samples[0][1]
        self.most_late_seconds = max(self.most_late_seconds, in_window_seconds)

    def _overdue_seconds(self) -> float:
        return max(0.0, asyncio.get_running_loop().time() - self._due)
