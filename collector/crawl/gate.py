"""How many nodes are visited at the same time. Waiting at the gate is in no node's clock.

Nodes that were slow last time go through a slow lane, a quarter of the gate and inside it, so that
they never hold up those that answer.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from collector.errors import ConfigurationError

try:
    import resource
except ImportError:  # Windows has no limits of this kind
    resource = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

RESERVED_DESCRIPTORS: Final = 64
"""For the store, logs, name servers, controls and the web."""
_FEW: Final = 192
"""Nodes at a time below which a list of some hundred nodes may not be crawled in time."""
_RAISE: Final = "`ulimit -n 4096`, `LimitNOFILE=` of systemd, or `ulimits: nofile` of compose"
SLOW_LANE_SHARE: Final = 4
"""The slow lane is one part in so many of the gate."""


def gate_size(wanted: int) -> int:
    """Return `wanted`, or what the soft limit of file descriptors leaves.

    Warns if that is so little that rounds may not end in time. Raises ConfigurationError if the
    limit leaves nothing.
    """
    if resource is None:
        return wanted
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft - RESERVED_DESCRIPTORS >= wanted:
        return wanted
    size = soft - RESERVED_DESCRIPTORS
    if size < 1:
        raise ConfigurationError(
            f"the limit of file descriptors is {soft}, and the collector itself needs "
            f"{RESERVED_DESCRIPTORS}",
            f"Raise it: {_RAISE}.",
        )
    if size < _FEW:
        log.warning(
            "only %d nodes at a time: the limit of file descriptors is %d; a long list may not be "
            "crawled in time. Raise it to %d or more: %s",
            *(size, soft, _FEW + RESERVED_DESCRIPTORS, _RAISE),
        )
    return size


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
