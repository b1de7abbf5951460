"""Last good documents that survive a restart. Where they are stored is up to the caller."""

from __future__ import annotations

import logging
import math
from typing import Protocol

log = logging.getLogger(__name__)


class CacheStorage(Protocol):
    """Stores a few named documents of about a megabyte each."""

    async def load(self, name: str) -> tuple[bytes, float] | None:
        """Return the document saved under the name and its time (seconds since 1970), or None."""

    async def save(self, name: str, body: bytes, at: float) -> None:
        """Replace the document; `at` is in seconds since 1970."""


class NoCache:
    """Stores nothing, for commands that touch no disk."""

    async def load(self, name: str) -> tuple[bytes, float] | None:
        """Return None."""
        return None

    async def save(self, name: str, body: bytes, at: float) -> None:
        """Do nothing."""


class BestEffortCache:
    """A cache whose failures are warnings, logged once per change, and never errors."""

    def __init__(self, storage: CacheStorage) -> None:
        self._storage = storage
        self._problems: dict[str, str] = {}

    async def load(self, name: str) -> tuple[bytes, float] | None:
        """Return what `CacheStorage.load` returns; None also if it cannot be read."""
        try:
            kept = await self._storage.load(name)
        except Exception as error:  # the directory works without a cache, whatever the storage is
            self._warn_once(name, f"cannot be loaded: {error or type(error).__name__}")
            return None
        if kept is not None and not _is_sound(*kept):
            self._warn_once(name, "cannot be loaded: the copy is damaged")
            return None
        return kept

    async def save(self, name: str, body: bytes, at: float) -> None:
        """Save the document if the storage accepts it."""
        try:
            await self._storage.save(name, body, at)
        except Exception as error:  # as above
            self._warn_once(name, f"cannot be saved: {error or type(error).__name__}")
        else:
            self._problems.pop(name, None)

    def _warn_once(self, name: str, problem: str) -> None:
        if self._problems.get(name) != problem:
            self._problems[name] = problem
            log.warning("cached document %r %s", name, problem)


def _is_sound(body: object, at: object) -> bool:
    """Return whether a copy is what was kept: a damaged file may hold anything."""
    return isinstance(body, bytes) and isinstance(at, int | float) and math.isfinite(at)
