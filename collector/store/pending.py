"""Batches that the disk did not take yet, in the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from collector.store.validation import ValidatedRound


@dataclass(frozen=True, slots=True)
class PendingLimits:
    """How much may wait in memory while the disk takes nothing."""

    records: int = 1_440
    """A day of rounds."""
    points: int = 250_000
    """About 100 MB."""


class PendingRounds:
    """A bounded queue. What no longer fits is given up oldest first, and counted."""

    def __init__(self, limits: PendingLimits) -> None:
        self._limits = limits
        self._batches: deque[ValidatedRound] = deque()

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def points(self) -> int:
        """Points that wait."""
        return sum(record.points for record in self._batches)

    @property
    def bytes(self) -> int:
        """Estimate of the memory that they take."""
        return sum(record.bytes for record in self._batches)

    def seconds(self, time: int) -> float:
        """From the oldest round that waits to `time`; 0 if none waits."""
        return float(max(0, time - self._batches[0].time)) if self._batches else 0.0

    def add(self, record: ValidatedRound) -> None:
        """The newest batch, behind all others."""
        self._batches.append(record)

    def drain(self) -> Iterator[ValidatedRound]:
        """Each batch, oldest first. It leaves the queue when the next one is asked for."""
        while self._batches:
            yield self._batches[0]
            self._batches.popleft()

    def discard(self) -> None:
        """Give up the oldest batch, which a bug keeps from being written."""
        self._batches.popleft()

    def trim(self) -> int:
        """Give up the oldest batches beyond the limits; how many points that cost.

        The newest is always kept, and so is the state of all: the next batch takes it over.
        """
        dropped = 0
        points = self.points
        while len(self._batches) > 1 and (
            len(self._batches) > self._limits.records or points > self._limits.points
        ):
            oldest = self._batches.popleft()
            following = self._batches[0]
            self._batches[0] = replace(following, state={**oldest.state, **following.state})
            dropped += oldest.points
            points -= oldest.points
        return dropped
