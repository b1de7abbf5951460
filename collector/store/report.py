"""What a store says of itself, once a round."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreReport:
    """One store since its previous report."""

    store: str
    """`embedded`, or the kind of database."""
    connected: bool
    """Whether it took what it was last given."""
    points_delivered: int
    points_rejected: int
    """Refused for good, and kept apart."""
    points_dropped: int
    """Given up, or older than the database keeps."""
    backlog_bytes: int
    backlog_points: int
    backlog_seconds: float
    """Age of the oldest round that waits; 0 if none does."""
    write_seconds: float
    """The last write."""
