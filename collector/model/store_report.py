"""What a store says of itself: its answer to one round, and its counters once a round."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch, and how the store stands after it."""

    stored: bool
    """Whether the batch is on the disk. If not, it waits in memory and no call is needed for it."""
    points: int
    """Points of this batch that were accepted."""
    rejected: int
    """Points of this batch that some generation of InfluxDB would refuse; kept in `rejected`."""
    dropped: int
    """Points of earlier batches given up by this commit, since too much waited in memory."""
    waiting_batches: int
    """Batches that wait in memory for the disk."""
    waiting_points: int
    """Points in them."""
    waiting_bytes: int
    """Estimate of the memory that they take."""
    waiting_seconds: float
    """From the oldest round that waits to this one; 0 if none waits."""
    seconds: float
    """How long the commit took on the store's thread."""
    unsent: int = 0
    """Points that waited for delivery and were given up, since too much waited or for too long."""


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
