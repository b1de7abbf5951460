"""Rounds that the disk did not take yet, in the order in which they were committed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from collector.store.validation import ValidatedRound


@dataclass(frozen=True, slots=True)
class PendingLimits:
    """How much may wait in memory while the disk takes nothing."""

    rounds: int = 1_440
    """A day of rounds."""
    points: int = 250_000
    """About 100 MB."""


class PendingRounds:
    """A bounded queue. The oldest rounds beyond the limits are dropped, and counted."""

    def __init__(self, limits: PendingLimits) -> None:
        self._limits = limits
        self._rounds: deque[ValidatedRound] = deque()

    def __len__(self) -> int:
        return len(self._rounds)

    @property
    def points(self) -> int:
        """Points that wait."""
        return sum(pending.counts.points for pending in self._rounds)

    @property
    def bytes(self) -> int:
        """Estimate of the memory that they take."""
        return sum(pending.bytes for pending in self._rounds)

    def age_seconds(self, time: int) -> float:
        """Return the seconds from the oldest round that waits to `time`; 0 if none waits."""
        return float(max(0, time - self._rounds[0].time)) if self._rounds else 0.0

    def add(self, newest: ValidatedRound) -> None:
        """Add a round behind all others."""
        self._rounds.append(newest)

    def drain(self) -> Iterator[ValidatedRound]:
        """Yield each round, oldest first. It leaves the queue when the next one is asked for."""
        while self._rounds:
            yield self._rounds[0]
            self._rounds.popleft()

    def discard_oldest(self) -> None:
        """Drop the oldest round, which a bug keeps from being written."""
        self._rounds.popleft()

    def trim(self) -> int:
        """Drop the oldest rounds beyond the limits; return how many points were dropped.

        The newest is always kept, and so is the state of all: the next round takes it over.
        """
        dropped = 0
        points = self.points
        while len(self._rounds) > 1 and (
            len(self._rounds) > self._limits.rounds or points > self._limits.points
        ):
            oldest = self._rounds.popleft()
            following = self._rounds[0]
            self._rounds[0] = replace(following, state={**oldest.state, **following.state})
            dropped += oldest.counts.points
            points -= oldest.counts.points
        return dropped
