"""What a round hands to the store, and what the store answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collector.measurement import Point


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything one round leaves behind. It is stored whole or not at all."""

    time: int
    """The round's scheduled time, in seconds since 1970. The same time again is the same round."""
    points: Sequence[Point] = ()
    """Their times may differ from the round's (late events)."""
    state: Mapping[str, bytes | None] = field(default_factory=dict)
    """What changed since the last batch; None deletes the key, keys not named stay as they are."""


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
