"""What a store says of itself, once a round."""

from __future__ import annotations

from dataclasses import dataclass

from collector.store.batch import Receipt


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

    @classmethod
    def of(cls, receipt: Receipt) -> StoreReport:
        """The embedded store after a commit."""
        return cls(
            store="embedded",
            connected=receipt.stored,
            points_delivered=receipt.points,
            points_rejected=receipt.rejected,
            points_dropped=receipt.dropped,
            backlog_bytes=receipt.waiting_bytes,
            backlog_points=receipt.waiting_points,
            backlog_seconds=receipt.waiting_seconds,
            write_seconds=receipt.seconds,
        )
