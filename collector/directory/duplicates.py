"""Hashes that are listed more than once: one entry is used, the same one while it is listed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from collector.directory.aggregate import read_json
from collector.directory.cache import BestEffortCache
from collector.model.failure import Failure
from collector.model.node import Node

DOCUMENT: Final = "choices"
"""Name of the cached document by which a choice survives a restart."""


@dataclass(frozen=True, slots=True)
class UniqueNodes:
    """A list in which every hash appears once."""

    nodes: tuple[Node, ...] = ()
    """In the order in which their hashes are first listed."""
    duplicates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By hash listed more than once: the addresses of the entries that are not used."""

    @property
    def addresses(self) -> dict[str, str]:
        """The address of every hash."""
        return {node.hash: node.address for node in self.nodes}

    @property
    def disputed(self) -> dict[str, str]:
        """The address in use of every hash that is listed more than once."""
        return {node.hash: node.address for node in self.nodes if node.hash in self.duplicates}


def choose(listed: Iterable[Node], before: Mapping[str, str]) -> UniqueNodes:
    """Return one entry for each hash, independent of the order of the list.

    The address chosen `before` (by hash) is kept while it is listed; otherwise a valid address
    comes before an invalid one, and then the smallest.
    """
    by_hash: dict[str, list[Node]] = {}
    for node in listed:
        by_hash.setdefault(node.hash, []).append(node)
    duplicates: dict[str, tuple[str, ...]] = {}
    nodes = []
    for digest, same in by_hash.items():
        if len(same) > 1:
            same.sort(key=lambda node: _preference(node, before.get(node.hash)))
            duplicates[digest] = tuple(node.address for node in same[1:])
        nodes.append(same[0])
    return UniqueNodes(tuple(nodes), duplicates)


def _preference(node: Node, before: str | None) -> tuple[object, ...]:
    """Return a sort key. It is total, so that the order of the list does not matter."""
    refused = node.refused is not Failure.NONE
    score = -1.0 if node.score is None else node.score
    rest = (not node.linked, node.inactive, -score, node.name, node.terms, node.entry)
    return (node.address != before, refused, node.address, *rest)


class DuplicateResolver:
    """Remembers which entry of a hash is used, also over a restart."""

    def __init__(self, cache: BestEffortCache) -> None:
        self._cache = cache
        self._before: dict[str, str] = {}
        self._saved: dict[str, str] | None = None

    async def choose(self, listed: Iterable[Node], at: float) -> UniqueNodes:
        """Return one entry for each hash, if possible the one used before.

        `at` is in seconds since 1970.
        """
        if self._saved is None:
            self._saved = await self._load()
            self._before = dict(self._saved)
        chosen = choose(listed, self._before)
        self._before = chosen.addresses
        if chosen.disputed != self._saved:
            self._saved = chosen.disputed
            await self._cache.save(DOCUMENT, json.dumps(self._saved).encode(), at)
        return chosen

    async def _load(self) -> dict[str, str]:
        """Return what was chosen before the restart; empty if that cannot be read."""
        document = await self._cache.load(DOCUMENT)
        try:
            saved = read_json(document[0]) if document else {}
        except ValueError:
            saved = {}
        if not isinstance(saved, dict):
            return {}
        return {digest: address for digest, address in saved.items() if isinstance(address, str)}
