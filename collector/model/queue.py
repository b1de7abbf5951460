"""Batches that wait for delivery to a database, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.model.batch import Batch


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits for delivery."""

    batches: int = 0
    points: int = 0
    bytes: int = 0
    """As stored, gzipped."""
    oldest: int | None = None
    """Time of the oldest round that waits, in seconds since 1970; None if none does."""


@dataclass(frozen=True, slots=True)
class QueuedBatch:
    """A batch that waits, and its number in the spool."""

    id: int
    batch: Batch


@dataclass(frozen=True, slots=True)
class Ack:
    """What became of a batch: it leaves the spool, and what is left of it takes its place."""

    id: int
    """Its number in the spool."""
    time: int
    """Of its round, in seconds since 1970."""
    rejected: Sequence[tuple[str, str]] = ()
    """Lines that the database rejected for good, each with the database's message."""
    remaining: Sequence[Batch] = ()
    """Parts of it that still wait."""
