"""Last good copies that survive a restart. Where they lie is not the directory's business."""

from __future__ import annotations

import logging
from typing import Protocol

log = logging.getLogger(__name__)


class CacheStorage(Protocol):
    """A place that keeps a few named bodies, of a megabyte or so each."""

    async def load(self, name: str) -> tuple[bytes, float] | None:
        """The body last saved under the name and its time, in seconds since 1970; None if none."""

    async def save(self, name: str, body: bytes, at: float) -> None:
        """Keep the body instead of the one before; `at` is in seconds since 1970."""


class NoCache:
    """Keeps nothing: for commands that touch no disk."""

    async def load(self, name: str) -> tuple[bytes, float] | None:
        """Nothing is ever there."""
        return None

    async def save(self, name: str, body: bytes, at: float) -> None:
        """Nothing is kept."""


class BestEffortCache:
    """Copies that may fail without failing anybody: a warning once per change, not an error."""

    def __init__(self, copies: CacheStorage) -> None:
        self._copies = copies
        self._complaints: dict[str, str] = {}

    async def load(self, name: str) -> tuple[bytes, float] | None:
        """As `Copies.load`; None also when the place cannot be read."""
        try:
            return await self._copies.load(name)
        except Exception as error:  # whatever the place is made of, the list goes on without it
            self._complain(name, f"cannot be loaded: {error or type(error).__name__}")
            return None

    async def save(self, name: str, body: bytes, at: float) -> None:
        """As `Copies.save`, as far as the place takes it."""
        try:
            await self._copies.save(name, body, at)
        except Exception as error:  # as above
            self._complain(name, f"cannot be saved: {error or type(error).__name__}")
        else:
            self._complaints.pop(name, None)

    def _complain(self, name: str, complaint: str) -> None:
        if self._complaints.get(name) != complaint:
            self._complaints[name] = complaint
            log.warning("the last good copy %r %s", name, complaint)
