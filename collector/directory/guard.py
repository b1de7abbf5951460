"""Protects the list of nodes against a fetch that suddenly lacks most of them, or has many more."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from collector.directory.aggregate import read_json
from collector.directory.cache import BestEffortCache
from collector.times import DAY, HOUR

log = logging.getLogger(__name__)

FETCHES_NEEDED: Final = 3
"""Fetches in a row that must say the same before a list that is doubted is accepted."""
_ALIKE: Final = 0.9
"""Share of their nodes that two lists which say the same have in common."""
DOCUMENT: Final = "accepted"
"""Name of the cached document by which what was accepted survives a restart."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The nodes of all lists accepted within a day, and how short the shortest list was.

    A list is compared with these and not with the one before it: many small steps, each of which
    looks harmless, would lead anywhere.
    """

    listed_at: Mapping[str, float] = field(default_factory=dict)
    """When each node was last listed, by hash, in seconds since 1970."""
    shortest: int = 0
    """Nodes."""
    shortest_at: float = 0.0

    def plus(self, fetched: frozenset[str], now: float) -> Accepted:
        """Return the same with one more accepted list."""
        recent = {key: at for key, at in self.listed_at.items() if not _is_old(at, now)}
        shortest = (self.shortest, self.shortest_at)
        if len(fetched) <= self.shortest or _is_old(self.shortest_at, now):
            shortest = (len(fetched), now)
        return Accepted(recent | dict.fromkeys(fetched, now), *shortest)

    def doubt(self, fetched: Set[str]) -> str:
        """Return why a list is not accepted at once; '' if it is."""
        known = self.listed_at.keys()
        left, new = len(fetched & known), len(fetched - known)
        if 2 * left < len(known):
            return f"holds only {left} of the {len(known)} nodes listed within a day"
        if new and len(known) + new > 2 * self.shortest:
            return (
                f"holds {new} nodes that are new; with the {len(known)} listed within a day they "
                f"are more than twice the {self.shortest} of the shortest list"
            )
        return ""

    def to_json(self) -> bytes:
        """Return the document of it."""
        return json.dumps(
            {
                "listed_at": dict(sorted(self.listed_at.items())),
                "shortest": self.shortest,
                "shortest_at": self.shortest_at,
            }
        ).encode()

    @classmethod
    def from_json(cls, body: bytes) -> Accepted:
        """Return what a document says; nothing if it cannot be read."""
        try:
            saved = read_json(body)
            return cls(
                {str(key): float(at) for key, at in dict(saved["listed_at"]).items()},
                int(saved["shortest"]),
                float(saved["shortest_at"]),
            )
        except (ValueError, TypeError, KeyError, OverflowError):
            return cls()


class ListGuard:
    """Accepts lists, at once or after several fetches that agree; remembers them over restarts."""

    def __init__(self, cache: BestEffortCache) -> None:
        self._cache = cache
        self._accepted: Accepted | None = None
        """None until it was read from the cache."""
        self._current: frozenset[str] = frozenset()
        """The list in use; empty before the first."""
        self._doubted: frozenset[str] = frozenset()
        """The list whose confirmation is waited for; empty if none is."""
        self._in_a_row = 0
        """Fetches that said the same, itself included."""
        self._saved = Accepted()
        """As it was saved, or read, last."""
        self._saved_at = 0.0

    async def admit(self, fetched: frozenset[str], now: float) -> bool:
        """Return whether a list, by its hashes, replaces the one in use.

        `now` is in seconds since 1970. Without a list in use any is accepted.
        """
        if self._accepted is None:
            document = await self._cache.load(DOCUMENT)
            self._accepted = self._saved = (
                Accepted.from_json(document[0]) if document else Accepted()
            )
        known = self._accepted
        if self._current:
            known = known.plus(self._current, now)
        doubt = known.doubt(fetched) if self._current else ""
        if doubt and not self._is_confirmed(fetched, doubt):
            return False
        self._accepted = (Accepted() if doubt else known).plus(fetched, now)
        self._current = fetched
        self._doubted, self._in_a_row = frozenset(), 0
        await self._save(self._accepted, now)
        return True

    def _is_confirmed(self, fetched: frozenset[str], doubt: str) -> bool:
        """Count a doubted list; return whether enough fetches in a row said the same."""
        common = len(fetched & self._doubted)
        if common and common >= _ALIKE * max(len(fetched), len(self._doubted)):
            self._in_a_row += 1
        else:
            self._doubted, self._in_a_row = fetched, 1
        confirmed = self._in_a_row >= FETCHES_NEEDED
        log.warning(
            "the new list of nodes %s: %s (fetch %d of %d)",
            doubt,
            "accepted" if confirmed else "not accepted, the old list stays in use",
            self._in_a_row,
            FETCHES_NEEDED,
        )
        return confirmed

    async def _save(self, accepted: Accepted, now: float) -> None:
        """Save what was accepted when it changed, and once an hour for its times."""
        saved = self._saved
        is_same = (accepted.listed_at.keys(), accepted.shortest) == (
            saved.listed_at.keys(),
            saved.shortest,
        )
        if is_same and 0 <= now - self._saved_at < HOUR:
            return
        await self._cache.save(DOCUMENT, accepted.to_json(), now)
        self._saved, self._saved_at = accepted, now


def _is_old(at: float, now: float) -> bool:
    """Return whether something is older than a day, or from the future: the clock was wrong."""
    return not 0 <= now - at < DAY
