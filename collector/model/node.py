"""A node as the directory lists it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

from collector.model.failure import Failure


@dataclass(frozen=True, slots=True)
class Node:
    """One compute resource node (CRN) of the published list."""

    hash: str
    """64 lower-case hex digits that identify the node for ever."""
    name: str
    """Display name, cleaned; may be empty."""
    address: str
    """Normalised base URL without trailing slash; the cleaned text as registered if refused."""
    host: str = ""
    """Host of the address, lower case, without brackets; empty if refused."""
    refused: Failure = Failure.NONE
    """`invalid_address` if the registered address cannot be dialled at all."""
    linked: bool = False
    """Attached to a core channel node."""
    inactive: bool = False
    """The network itself calls the node inactive (it scored nothing)."""
    terms: bool = False
    """The node has terms and conditions."""
    score: float | None = None
    """The network's own score, 0 to 1; None if it has none."""
    entry: bytes = field(default=b"", repr=False, compare=False)
    """The entry of the list as JSON, unabridged; empty where there is none."""

    @property
    def display_name(self) -> str:
        """The name, or the first 8 digits of the hash."""
        return self.name or self.hash[:8]

    def fraction(self, salt: str = "") -> float:
        """Return a stable number in [0, 1) by which a node is spread over time."""
        return zlib.crc32(f"{salt}{self.hash}".encode()) / 2**32
