"""What a store reports: the outcome of one commit, and its counters once a round."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a round that was committed, and what waits after it."""

    stored: bool
    """Whether the round is on the disk. If not, it waits in memory and is written by itself."""
    points: int
    """Points of this round that were accepted."""
    rejected: int
    """Points of this round that some generation of InfluxDB would refuse; kept in `rejected`."""
    dropped: int
    """Points of earlier rounds dropped by this commit, since too much waited in memory."""
    waiting_rounds: int
    """Rounds that wait in memory for the disk."""
    waiting_points: int
    """Points in them."""
    waiting_bytes: int
    """Estimate of the memory that they take."""
    waiting_seconds: float
    """From the oldest round that waits to this one; 0 if none waits."""
    seconds: float
    """How long the commit took on the store's thread."""
    unsent: int = 0
    """Points dropped from the spool by this commit, since too much waited, or for too long."""

    @property
    def received(self) -> int:
        """Return how many points the round had."""
        return self.points + self.rejected


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What one store did since its previous report."""

    store: str
    """`embedded` or `influxdb`."""
    connected: bool
    """Whether its last write succeeded."""
    points_delivered: int
    points_rejected: int
    """Rejected for good, and kept in `rejected`."""
    points_dropped: int
    """Dropped since too much waited, or older than the database keeps."""
    backlog_bytes: int
    backlog_points: int
    backlog_seconds: float
    """Age of the oldest round that waits; 0 if none does."""
    write_seconds: float
    """Duration of the last write."""
    conflict: bool | None = None
    """Whether another collector writes points of the same vantage and shard; None if not known."""

    @classmethod
    def of(cls, receipt: Receipt) -> StoreReport:
        """Return the report of the embedded store after a commit."""
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
