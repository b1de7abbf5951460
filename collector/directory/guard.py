"""Protects the list of nodes against a fetch that suddenly lacks most of them."""

from __future__ import annotations

import logging
from collections.abc import Set
from typing import Final

log = logging.getLogger(__name__)

FETCHES_NEEDED: Final = 3
"""Fetches in a row after which a list that has shrunk is accepted."""


class ShrinkGuard:
    """Counts fetches in a row that hold less than half of the known nodes."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def admit(self, fetched: Set[str], known: Set[str]) -> bool:
        """Count a fetch, and return whether its list replaces the known one.

        Both are hashes; `known` is the last list that was admitted.
        """
        left = len(fetched & known)
        if 2 * left >= len(known):
            self._in_a_row = 0
            return True
        self._in_a_row += 1
        accepted = self._in_a_row >= FETCHES_NEEDED
        log.warning(
            "the new list of nodes holds only %d of the %d known nodes: %s (fetch %d of %d)",
            left,
            len(known),
            "accepted" if accepted else "not accepted, the old list stays in use",
            self._in_a_row,
            FETCHES_NEEDED,
        )
        if accepted:
            self._in_a_row = 0
        return accepted
