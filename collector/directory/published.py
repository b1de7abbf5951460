"""The directory as the network publishes it, kept fresh beside the rounds, never in their way."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from collector.directory.aggregate import CORECHANNEL, SETTINGS
from collector.directory.cache import BestEffortCache, CacheStorage
from collector.directory.cached_aggregate import CachedAggregate, Clock
from collector.directory.duplicates import DuplicateResolver, UniqueNodes
from collector.directory.entry import Entries
from collector.directory.guard import ShrinkGuard
from collector.directory.source import Source
from collector.errors import DirectoryError
from collector.model.listing import Listing, NetworkSettings

log = logging.getLogger(__name__)

ADVICE: Final = (
    "Check this machine's network and the API hosts in the settings, "
    "or give a saved list with --directory FILE."
)


class Directory:
    """The list of nodes and the network's settings, from the API hosts or their last good copies.

    Bound to the event loop of its first `listing()`. Close it with `aclose()`, before the session.
    """

    def __init__(
        self,
        source: Source,
        copies: CacheStorage,
        refresh_seconds: float,
        clock: Clock,
        wait_seconds: float = 3.0,
    ) -> None:
        """`clock` gives seconds since 1970; `wait_seconds` bounds how long a refresh is awaited."""
        shelf = BestEffortCache(copies)
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._guard = ShrinkGuard()
        self._choices = DuplicateResolver(shelf)
        self._chosen = UniqueNodes()
        self._skipped = 0
        self._late: set[asyncio.Task[None]] = set()
        self._nodes = CachedAggregate(
            CORECHANNEL, source, shelf, refresh_seconds, clock, accept=self._accept_nodes
        )
        self._settings = CachedAggregate(
            SETTINGS, source, shelf, refresh_seconds, clock, accept=_accept_settings
        )

    async def listing(self) -> Listing:
        """What is known now: at once if it is fresh, else after a refresh or `wait_seconds`.

        A refresh that takes longer goes on in the background, is waited for only once, and leaves
        the last list in place if it fails. Only where there is no list at all is it waited for to
        its end (at most the timeouts of all hosts); DirectoryError if it fails.
        """
        unknown = self._nodes.value is None
        nodes = self._nodes.refresh(urgent=unknown)
        await self._wait(nodes, self._settings.refresh())
        while self._nodes.value is None:
            if nodes is None or nodes.done():
                raise self._error()
            await asyncio.wait({nodes}, timeout=self._wait_seconds)
        return Listing(
            nodes=self._chosen.nodes,
            settings=self._settings.value or NetworkSettings(),
            age_seconds=self._nodes.age_seconds,
            duplicate_hashes=self._chosen.duplicates,
        )

    async def aclose(self) -> None:
        """Cancel what is under way; nothing of the directory runs afterwards."""
        await self._nodes.aclose()
        await self._settings.aclose()

    async def _wait(self, *refreshes: asyncio.Task[None] | None) -> None:
        """Wait a bounded time for what is under way and has not been waited for in vain before."""
        under_way = {task for task in refreshes if task is not None}
        if awaited := under_way - self._late:
            await asyncio.wait(awaited, timeout=self._wait_seconds)
        self._late = {task for task in under_way if not task.done()}

    async def _accept_nodes(self, entries: Entries) -> bool:
        known = frozenset(node.hash for node in self._chosen.nodes)
        if not self._guard.believes(entries.hashes, known):
            return False
        self._chosen = await self._choices.choose(entries.nodes, self._clock())
        if entries.skipped and entries.skipped != self._skipped:
            log.warning(
                "%d entries of the list of nodes are unreadable and left out, %d are good",
                entries.skipped,
                len(entries.nodes),
            )
        self._skipped = entries.skipped
        return True

    def _error(self) -> DirectoryError:
        reasons = "; ".join(f"{host}: {reason}" for host, reason in self._nodes.reasons.items())
        return DirectoryError(
            f"No list of nodes: there is no saved copy, and no API host gave it "
            f"({reasons or 'stopped before one answered'}).",
            ADVICE,
        )


async def _accept_settings(settings: NetworkSettings) -> bool:
    """Every good settings aggregate is believed; parsing refuses an empty one."""
    return True
