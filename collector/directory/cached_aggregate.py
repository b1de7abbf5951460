"""One aggregate and its last good value: read from the cache once, then refreshed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from collector.directory.aggregate import Aggregate
from collector.directory.cache import BestEffortCache
from collector.directory.source import FetchedAggregate, Source, SourceError

log = logging.getLogger(__name__)

T = TypeVar("T")
Clock = Callable[[], float]
"""Seconds since 1970."""
Accept = Callable[[T], Awaitable[bool]]
"""Use a new value and return true, or return false if it is not accepted."""


@dataclass(frozen=True, slots=True)
class Refreshing:
    """What several aggregates are refreshed with."""

    source: Source
    cache: BestEffortCache
    seconds: float
    """Between two refreshes."""
    clock: Clock


class CachedAggregate(Generic[T]):
    """The last good value of an aggregate. A refresh that fails changes nothing but its age."""

    def __init__(
        self,
        aggregate: Aggregate[T],
        refreshing: Refreshing,
        accept: Accept[T],
    ) -> None:
        self.value: T | None = None
        """None until the cache or a source provided it."""
        self.reasons: Mapping[str, str] = {}
        """Why the last refresh failed, by host; empty if it did not."""
        self._aggregate = aggregate
        self._source = refreshing.source
        self._cache = refreshing.cache
        self._refresh_seconds = refreshing.seconds
        self._clock = refreshing.clock
        self._accept = accept
        self._loaded = False
        self._confirmed_at = 0.0
        self._attempted_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def age_seconds(self) -> float:
        """Time since a source last confirmed the value; meaningful only with a value."""
        return max(0.0, self._clock() - self._confirmed_at)

    def refresh(self, urgent: bool = False) -> asyncio.Task[None] | None:
        """Start a refresh if it is due or urgent; return the one that runs, or None."""
        if self._task is not None and not self._task.done():
            return self._task
        if urgent:
            self._attempted_at = None
        if not self._due():
            return None
        self._task = asyncio.create_task(self._run(), name=f"directory-{self._aggregate.key}")
        return self._task

    async def aclose(self) -> None:
        """Cancel the running refresh and wait for its end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _due(self) -> bool:
        if self._attempted_at is None:
            return True
        since = self._clock() - self._attempted_at
        return not 0 <= since < self._refresh_seconds  # a clock that was set back must not delay it

    async def _run(self) -> None:
        try:
            if not self._loaded:
                await self._load()
                self._loaded = True
            if self._due():
                await self._fetch()
        except Exception:
            self.reasons = {"this collector": "an unexpected error, its traceback is in the log"}
            log.exception("the aggregate %s could not be refreshed", self._aggregate.key)

    async def _load(self) -> None:
        document = await self._cache.load(self._aggregate.key)
        if document is None:
            return
        body, at = document
        try:
            value = await asyncio.to_thread(self._aggregate.parse, body)
        except ValueError as error:
            log.warning("cached aggregate %s is %s: ignored", self._aggregate.key, error)
            return
        if await self._accept(value):
            self.value = value
            self._confirmed_at = self._attempted_at = at
            log.info(
                "cached aggregate %s loaded, %.0f s old", self._aggregate.key, self.age_seconds
            )

    async def _fetch(self) -> None:
        self._attempted_at = self._clock()
        try:
            answer = await self._source.fetch(self._aggregate)
        except SourceError as error:
            self._note_failure(error)
        else:
            await self._use(answer)

    def _note_failure(self, error: SourceError) -> None:
        """Log once that no host gave a good answer, until one does."""
        if self.value is not None and not self.reasons:
            log.warning(
                "no API host provides %s, the last one stays in use (%.0f s old)",
                self._aggregate.key,
                self.age_seconds,
            )
        self.reasons = error.reasons

    async def _use(self, answer: FetchedAggregate[T]) -> None:
        self.reasons = {}
        if not await self._accept(answer.value):
            self._source.move_last(answer.host, self._aggregate.key)
            return
        self.value = answer.value
        self._confirmed_at = self._clock()
        await self._cache.save(self._aggregate.key, answer.body, self._confirmed_at)
