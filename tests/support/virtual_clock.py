"""An event loop whose clock is the test's: it jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from dataclasses import dataclass

from collector.loop_lag import Clocks


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """Runs timers in order and at once; `time` is exact, and starts at 0."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_JumpingSelector(self.advance))

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass, as it does while the loop stands still."""
        self._now += seconds


class _JumpingSelector(selectors.SelectSelector):
    """Waits for nothing: where nothing is ready it lets the time pass that would be waited."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        super().__init__()
        self._advance = advance

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("every task waits for something that no timer brings")
        if not ready and timeout:
            self._advance(timeout)
        return ready


def virtual_clocks() -> Clocks:
    """The clocks of a machine that never sleeps, in the time of the running loop."""
    now = asyncio.get_running_loop().time
    return Clocks(monotonic=now, uptime=now, wall=now)


@dataclass
class Machine:
    """A machine whose uptime and wall clock leap when a test says so."""

    slept: float = 0.0
    set_forward: float = 0.0

    def clocks(self) -> Clocks:
        now = asyncio.get_running_loop().time
        return Clocks(now, lambda: now() + self.slept, lambda: now() + self.set_forward)
