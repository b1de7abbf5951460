"""What waits for delivery to a database, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.model.batch import Batch


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for delivery."""

    batches: int = 0
    points: int = 0
    bytes: int = 0
    oldest: int | None = None
    """Time of the oldest round that waits; None if none does."""


@dataclass(frozen=True, slots=True)
class QueuedBatch:
    """A piece that waits, and its number in the file."""

    id: int
    batch: Batch


@dataclass(frozen=True, slots=True)
class Ack:
    """What became of a piece: it leaves, and what it leaves behind comes in its place."""

    id: int
    time: int
    """Of its round."""
    rejected: Sequence[tuple[str, str]] = ()
    """Lines that the database refuses for good, and its words."""
    remaining: Sequence[Batch] = ()
    """Parts of it that still wait."""
