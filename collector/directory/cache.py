"""Last good documents that survive a restart. Where they are stored is up to the caller."""

from __future__ import annotations

import asyncio
import gzip
import logging
import math
import zlib
from typing import Final, Protocol

log = logging.getLogger(__name__)


_PLAIN_BYTES: Final = 64 * 1024
"""Documents of so many bytes are saved as they are; longer ones are gzipped."""
_GZIP_LEVEL: Final = 1
_GZIP_MAGIC: Final = b"\x1f\x8b"
"""How gzip begins, and JSON does not."""


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
        """Return what `CacheStorage.load` returns, unpacked; None also if it cannot be read."""
        try:
            kept = await self._storage.load(name)
            if kept is not None and _is_sound(*kept):
                kept = (await asyncio.to_thread(_unpacked, kept[0]), kept[1])
        except (EOFError, gzip.BadGzipFile, zlib.error):
            self._warn_once(name, "cannot be loaded: the copy is damaged")
            return None
        except Exception as error:  # the directory works without a cache, whatever the storage is
            self._warn_once(name, f"cannot be loaded: {error or type(error).__name__}")
            return None
        if kept is not None and not _is_sound(*kept):
            self._warn_once(name, "cannot be loaded: the copy is damaged")
            return None
        return kept

    async def save(self, name: str, body: bytes | memoryview, at: float) -> None:
        """Save the document if the storage accepts it.

        A long one is gzipped: the storage has to hold it several times while it writes it.
        """
        try:
            await self._storage.save(name, await asyncio.to_thread(_packed, body), at)
        except Exception as error:  # as above
            self._warn_once(name, f"cannot be saved: {error or type(error).__name__}")
        else:
            self._problems.pop(name, None)

    def _warn_once(self, name: str, problem: str) -> None:
        if self._problems.get(name) != problem:
            self._problems[name] = problem
            log.warning("cached document %r %s", name, problem)


def _packed(body: bytes | memoryview) -> bytes:
    return gzip.compress(body, _GZIP_LEVEL, mtime=0) if len(body) > _PLAIN_BYTES else bytes(body)


def _unpacked(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(_GZIP_MAGIC) else body


def _is_sound(body: object, at: object) -> bool:
    """Return whether a copy is what was kept: a damaged file may hold anything."""
    return isinstance(body, bytes) and isinstance(at, int | float) and math.isfinite(at)
