"""The time of a visit, without that in which this process did not listen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from collector.loop_lag import LoopLag
from collector.model.failure import Failure
from collector.probe.trace import ConnectionTrace

_STARVED_SECONDS: Final = 1.0
_STARVED_SHARE: Final = 0.25
"""Standing still for this much of the time, and so long at least, makes a failure our own."""

Budget = Callable[[], float]
"""Returns how many seconds are left."""


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """The time since it was started, and how much of it this process listened."""

    lag: LoopLag
    started_at: float
    """By the lag's monotonic clock; the two sums are the lag's at that moment."""
    late_seconds: float
    standstill_seconds: float

    @classmethod
    def start(cls, lag: LoopLag) -> Stopwatch:
        """Return a stopwatch that begins now."""
        return cls(lag, lag.clocks.monotonic(), lag.late_seconds, lag.standstill_seconds)

    @property
    def listened_seconds(self) -> float:
        """The time in which an answer would have been noticed."""
        return self._seconds() - (self.lag.late_seconds - self.late_seconds)

    def budget(self, seconds: float) -> Budget:
        """Return what returns how much is left of so many seconds of listening."""
        return lambda: seconds - self.listened_seconds

    @property
    def is_starved(self) -> bool:
        """Whether this process stood still for so long that a failure may be its own doing."""
        still_seconds = self.lag.standstill_seconds - self.standstill_seconds
        return still_seconds >= max(_STARVED_SECONDS, _STARVED_SHARE * self._seconds())

    def masked(self, failure: Failure, trace: ConnectionTrace) -> Failure:
        """Return `starved` in place of a failure that a standstill of ours explains.

        What TLS reported is evidence, whenever it was read.
        """
        explained = failure.is_masked_when_starved and trace.tls_error is None
        return Failure.STARVED if explained and self.is_starved else failure

    def _seconds(self) -> float:
        return self.lag.clocks.monotonic() - self.started_at


@contextlib.asynccontextmanager
async def time_limit(left_seconds: Budget) -> AsyncIterator[None]:
    """End what runs inside with TimeoutError when nothing is left of the budget.

    The budget is asked again when what it had left has passed: a standstill uses up nothing. So the
    loop has polled after a standstill, and worked through what came, before a limit ends anything.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.Handle | None = None
    async with asyncio.timeout(None) as timeout:

        def check() -> None:
            nonlocal timer
            left = left_seconds()
            if left > 0:
                timer = loop.call_later(left, check)
            else:
                timeout.reschedule(loop.time())

        check()
        try:
            yield
        finally:
            if timer:
                timer.cancel()
