"""One aggregate and its last good value: read from the copy once, then refreshed from a source."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

from collector.directory.aggregate import Aggregate
from collector.directory.cache import BestEffortCache
from collector.directory.source import FetchedAggregate, Source, SourceError

log = logging.getLogger(__name__)

T = TypeVar("T")
Clock = Callable[[], float]
"""Seconds since 1970."""
Accept = Callable[[T], Awaitable[bool]]
"""Takes a value over, or answers that it is not believed."""


class CachedAggregate(Generic[T]):
    """The last good value of an aggregate. A refresh that fails changes nothing but its age."""

    def __init__(
        self,
        aggregate: Aggregate[T],
        source: Source,
        shelf: BestEffortCache,
        refresh_seconds: float,
        clock: Clock,
        accept: Accept[T],
    ) -> None:
        self.value: T | None = None
        """None until a copy or a source gave it."""
        self.reasons: Mapping[str, str] = {}
        """Why the last refresh failed, by host; empty when it did not."""
        self._aggregate = aggregate
        self._source = source
        self._shelf = shelf
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._accept = accept
        self._loaded = False
        self._confirmed_at = 0.0
        self._attempted_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def age_seconds(self) -> float:
        """Since a source last confirmed the value; only with a value."""
        return max(0.0, self._clock() - self._confirmed_at)

    def refresh(self, urgent: bool = False) -> asyncio.Task[None] | None:
        """The refresh under way, begun now if it is time (or urgent); None if there is none."""
        if self._task is not None and not self._task.done():
            return self._task
        if urgent:
            self._attempted_at = None
        if not self._due():
            return None
        self._task = asyncio.create_task(self._run(), name=f"directory-{self._aggregate.key}")
        return self._task

    async def aclose(self) -> None:
        """Cancel the refresh under way and wait for its end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _due(self) -> bool:
        if self._attempted_at is None:
            return True
        since = self._clock() - self._attempted_at
        return not 0 <= since < self._refresh_seconds  # a clock set back is no reason to wait

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
        copy = await self._shelf.load(self._aggregate.key)
        if copy is None:
            return
        body, at = copy
        try:
            value = await asyncio.to_thread(self._aggregate.parse, body)
        except ValueError as error:
            log.warning("the last good copy %r is %s: ignored", self._aggregate.key, error)
            return
        if await self._accept(value):
            self.value = value
            self._confirmed_at = self._attempted_at = at
            log.info("copy of %s read, %.0f s old", self._aggregate.key, self.age_seconds)

    async def _fetch(self) -> None:
        self._attempted_at = self._clock()
        try:
            answer = await self._source.fetch(self._aggregate)
        except SourceError as error:
            self._missed(error)
        else:
            await self._take(answer)

    def _missed(self, error: SourceError) -> None:
        """No host gave a good answer: said once, until one does."""
        if self.value is not None and not self.reasons:
            log.warning(
                "no API host gives %s, the last one goes on (%.0f s old)",
                self._aggregate.key,
                self.age_seconds,
            )
        self.reasons = error.reasons

    async def _take(self, answer: FetchedAggregate[T]) -> None:
        self.reasons = {}
        if not await self._accept(answer.value):
            self._source.distrust(answer.host, self._aggregate.key)
            return
        self.value = answer.value
        self._confirmed_at = self._clock()
        await self._shelf.save(self._aggregate.key, answer.body, self._confirmed_at)
