"""The directory as the network publishes it, refreshed beside the rounds."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from collector.directory.aggregate import NODES_LIMIT, SETTINGS, corechannel
from collector.directory.cache import BestEffortCache, CacheStorage
from collector.directory.cached_aggregate import CachedAggregate, Clock, Refreshing
from collector.directory.duplicates import DuplicateResolver, UniqueNodes
from collector.directory.entry import Entries
from collector.directory.guard import ListGuard
from collector.directory.source import Source
from collector.errors import DirectoryError
from collector.model.listing import Listing, NetworkSettings

log = logging.getLogger(__name__)

ADVICE: Final = (
    "Check this machine's network and the API hosts in the settings, "
    "or give a saved list with --directory FILE."
)


@dataclass(frozen=True, slots=True)
class RefreshRules:
    """How often the list is fetched, and what is done with it."""

    seconds: float
    """Between two fetches."""
    wait_seconds: float = 3.0
    """How long a round waits for one."""
    nodes_limit: int = NODES_LIMIT
    """Most entries of a list; a longer one is refused."""


class Directory:
    """The list of nodes and the network's settings, from the API hosts or from the cache.

    Bound to the event loop of its first `listing()`. Close it with `aclose()`, before the session.
    """

    def __init__(
        self,
        source: Source,
        storage: CacheStorage,
        rules: RefreshRules,
        clock: Clock,
    ) -> None:
        """`clock` gives seconds since 1970."""
        cache = BestEffortCache(storage)
        refreshing = Refreshing(source, cache, rules.seconds, clock)
        self._clock = clock
        self._wait_seconds = rules.wait_seconds
        self._guard = ListGuard(cache)
        self._duplicates = DuplicateResolver(cache)
        self._unique = UniqueNodes()
        self._skipped = 0
        self._late: set[asyncio.Task[None]] = set()
        self._nodes = CachedAggregate(
            corechannel(rules.nodes_limit), refreshing, self._accept_nodes
        )
        self._settings = CachedAggregate(SETTINGS, refreshing, _accept_settings)

    async def listing(self) -> Listing:
        """Return the list: at once if it is fresh, else after a refresh or the time to wait for it.

        A refresh that takes longer continues in the background, is waited for only once, and leaves
        the last list in use if it fails. Without any list it is waited for to its end (at most the
        timeouts of all hosts); raise DirectoryError if it fails.
        """
        unknown = self._nodes.value is None
        nodes = self._nodes.refresh(urgent=unknown)
        await self._wait(nodes, self._settings.refresh())
        while self._nodes.value is None:
            if nodes is None or nodes.done():
                raise self._error()
            await asyncio.wait({nodes}, timeout=self._wait_seconds)
        return Listing(
            nodes=self._unique.nodes,
            settings=self._settings.value or NetworkSettings(),
            age_seconds=self._nodes.age_seconds,
            duplicate_hashes=self._unique.duplicates,
        )

    async def aclose(self) -> None:
        """Cancel running refreshes; nothing of the directory runs afterwards."""
        await self._nodes.aclose()
        await self._settings.aclose()

    async def _wait(self, *refreshes: asyncio.Task[None] | None) -> None:
        """Wait a bounded time for refreshes that have not been waited for in vain before."""
        running = {task for task in refreshes if task is not None}
        if awaited := running - self._late:
            await asyncio.wait(awaited, timeout=self._wait_seconds)
        self._late = {task for task in running if not task.done()}

    async def _accept_nodes(self, entries: Entries) -> bool:
        if not await self._guard.admit(entries.hashes, self._clock()):
            return False
        self._unique = await self._duplicates.choose(entries.nodes, self._clock())
        if entries.skipped and entries.skipped != self._skipped:
            log.warning(
                "%d entries of the list of nodes cannot be read and are left out, %d are good",
                entries.skipped,
                len(entries.nodes),
            )
        self._skipped = entries.skipped
        return True

    def _error(self) -> DirectoryError:
        reasons = "; ".join(f"{host}: {reason}" for host, reason in self._nodes.reasons.items())
        return DirectoryError(
            f"no list of nodes: nothing is cached, and no API host provided it "
            f"({reasons or 'stopped before one answered'}).",
            ADVICE,
        )


async def _accept_settings(settings: NetworkSettings) -> bool:
    """Accept every settings aggregate; parsing refuses an empty one."""
    return True
