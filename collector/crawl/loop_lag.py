"""Measures how long the event loop stood still: time that must not be blamed on a node."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Final, Self

_SAMPLE_SECONDS: Final = 0.25


class LoopLag:
    """Measures while it is entered."""

    def __init__(self) -> None:
        self.worst_seconds = 0.0
        """The longest that a sample came late; 0 before the first."""
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None

    async def _sample(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._due = loop.time() + _SAMPLE_SECONDS
            await asyncio.sleep(_SAMPLE_SECONDS)
            self._record()

    def _record(self) -> None:
        late_seconds = asyncio.get_running_loop().time() - self._due
        self.worst_seconds = max(self.worst_seconds, late_seconds)

    async def __aenter__(self) -> Self:
        self._due = asyncio.get_running_loop().time() + _SAMPLE_SECONDS
        self._task = asyncio.create_task(self._sample())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task:
            self._record()  # a standstill that has only just ended counts too
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
