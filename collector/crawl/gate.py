"""How many nodes are looked at together. The gate is outside every clock: waiting costs nobody.

Nodes that hung last time go through a lane of their own, a quarter of the gate and inside it, so
that they never hold up those that answer.
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
LANE_SHARE: Final = 4


def gate_size(wanted: int) -> int:
    """At most `wanted`, and what the soft limit of file descriptors leaves; at least 1."""
    if resource is None:
        return max(1, wanted)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return max(1, wanted)
    return max(1, min(wanted, soft - RESERVED_DESCRIPTORS))


class Gate:
    """At most `size` entries at a time, of which at most a quarter through the lane."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._places = asyncio.Semaphore(size)
        self._lane = asyncio.Semaphore(max(1, size // LANE_SHARE))

    async def enter(self, lane: bool) -> None:
        """Wait for a place and take it."""
        if lane:
            await self._lane.acquire()
        try:
            await self._places.acquire()
        except BaseException:
            if lane:
                self._lane.release()
            raise

    def leave(self, lane: bool) -> None:
        """Give the place back."""
        self._places.release()
        if lane:
            self._lane.release()
