"""A list that suddenly loses most of its nodes is more likely broken than true."""

from __future__ import annotations

import logging
from collections.abc import Set
from typing import Final

log = logging.getLogger(__name__)

BELIEVED_AT: Final = 3
"""Fetches in a row that must say so before a shrunken list is believed."""


class ShrinkGuard:
    """Remembers how often in a row a fetch held less than half of the nodes known before."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def believes(self, fetched: Set[str], known: Set[str]) -> bool:
        """Whether the list of a new fetch is to be believed; each call is a fetch of its own.

        `fetched` and `known` are hashes; `known` is the last list that was believed.
        """
        left = len(fetched & known)
        if 2 * left >= len(known):
            self._in_a_row = 0
            return True
        self._in_a_row += 1
        believed = self._in_a_row >= BELIEVED_AT
        log.warning(
            "the new list of nodes holds only %d of the %d nodes known before: %s (fetch %d of %d)",
            left,
            len(known),
            "believed now" if believed else "not believed, the list before goes on",
            self._in_a_row,
            BELIEVED_AT,
        )
        if believed:
            self._in_a_row = 0
        return believed
