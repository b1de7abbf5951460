"""How many nodes are visited at the same time. Waiting at the gate is in no node's clock.

Nodes that were slow last time go through a slow lane, a quarter of the gate and inside it, so that
they never hold up those that answer.
"""

from __future__ import annotations

import asyncio
from typing import Final

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]

RESERVED_DESCRIPTORS: Final = 64
"""For the store, logs, name servers, controls and the web."""
SLOW_LANE_SHARE: Final = 4
"""The slow lane is one part in so many of the gate."""


def gate_size(wanted: int) -> int:
    """Return `wanted`, or what the soft limit of file descriptors leaves; at least 1."""
    if resource is None:
        return max(1, wanted)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return max(1, wanted)
    return max(1, min(wanted, soft - RESERVED_DESCRIPTORS))


class Gate:
    """Lets in `size` visits at a time, of which at most a quarter through the slow lane."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._places = asyncio.Semaphore(size)
        self._slow_lane = asyncio.Semaphore(max(1, size // SLOW_LANE_SHARE))

    async def enter(self, slow: bool) -> None:
        """Wait for a place and take it; `slow`: one of the slow lane."""
        if slow:
            await self._slow_lane.acquire()
        try:
            await self._places.acquire()
        except BaseException:
            if slow:
                self._slow_lane.release()
            raise

    def leave(self, slow: bool) -> None:
        """Give back a place taken with the same `slow`."""
        self._places.release()
        if slow:
            self._slow_lane.release()
