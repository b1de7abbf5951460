"""Entries of the published list, parsed into nodes.

One bad entry never costs the list: what cannot be a node is counted and left out, and values of
the wrong type in a good entry are read as absent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from collector.directory.address import parse_address
from collector.model.node import Node
from collector.text import clean

ENTRY_LIMIT_BYTES: Final = 16 * 1024
"""Longest entry that is kept whole; real ones have about 900 bytes."""


def _text(value: object) -> str:
    """Return text that can be encoded; anything else as empty text."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode(errors="replace").decode()


def _number(value: object) -> float | None:
    """Return a finite number; anything else, booleans included, as absent."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


Text = Annotated[str, BeforeValidator(_text)]
"""Wire text that may be missing or of another type; then empty."""
Number = Annotated[float | None, BeforeValidator(_number)]
"""Wire number that may be missing or of another type; then None."""
Hash = Annotated[str, StringConstraints(pattern=r"\A[0-9a-fA-F]{64}\z", to_lower=True)]


class WireNode(BaseModel):
    """One entry of `resource_nodes`, or of a `crns.json`; other fields are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    hash: Hash
    """Identifies the node; without it the entry is left out."""
    name: Text = ""
    address: Text = ""
    """Free text; empty when the node never had one or shares its host with another node."""
    type: Text = "compute"
    status: Text = ""
    """`linked` or `waiting`."""
    score: Number = None
    """0 to 1; absent until the first scoring."""
    inactive_since: Number = None
    """A block height, not a time; null while the node scores."""
    terms_and_conditions: Text = ""
    """Hash of a message, or empty."""

    def node(self, entry: bytes) -> Node:
        """Return the node that this entry lists; `entry` is the whole of it as JSON."""
        address = parse_address(self.address)
        scored = self.score is not None and 0 <= self.score <= 1
        return Node(
            hash=self.hash,
            name=clean(self.name),
            address=address.text,
            host=address.host,
            refused=address.refused,
            linked=self.status == "linked",
            inactive=self.inactive_since is not None,
            terms=bool(self.terms_and_conditions.strip()),
            score=self.score if scored else None,
            entry=entry,
        )


@dataclass(frozen=True, slots=True)
class Entries:
    """A list as it was read; a hash may be in it more than once."""

    nodes: tuple[Node, ...]
    skipped: int = 0
    """Entries that could not be read: not an object, or without a hash of 64 hex digits."""

    @property
    def hashes(self) -> frozenset[str]:
        """All hashes."""
        return frozenset(node.hash for node in self.nodes)


def read_entries(listed: Iterable[Any]) -> Entries:
    """Return every compute node of a list, in its order. Never raises."""
    nodes = []
    skipped = 0
    for entry in listed:
        wire = _wire(entry)
        if wire is None:
            skipped += 1
        elif wire.type in ("compute", ""):
            nodes.append(wire.node(_unabridged(entry)))
    return Entries(tuple(nodes), skipped)


def _unabridged(entry: object) -> bytes:
    """Return an entry as compact JSON; empty if it is too long or holds an infinite number."""
    try:
        text = json.dumps(entry, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        return b""
    return text.encode() if len(text) <= ENTRY_LIMIT_BYTES else b""


def _wire(entry: object) -> WireNode | None:
    try:
        return WireNode.model_validate(entry)
    except ValidationError:
        return None
