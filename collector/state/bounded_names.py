"""Names that strangers can make up, bounded before they become series."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest
from typing import Final

from collector.times import DAY

LIMIT: Final = 32
HELD_LIMIT: Final = 2
"""Names of a kind that one node can bring in."""
HELD_SECONDS: Final = DAY
"""A node holds a name for so long before another one can take its turn."""
KEPT_SECONDS: Final = 7 * DAY
"""A name not reported for this long loses its place, and its counts are written no more."""
OTHER: Final = "other"
UNKNOWN: Final = "unknown"
RESERVED: Final = frozenset({OTHER, UNKNOWN})

HeldNames = tuple[tuple[str, int], ...]
"""The names of a kind that a node brings in, each with the round since which it does."""


def hold(held: HeldNames, reported: Collection[str], time: int) -> HeldNames:
    """Return the names that a node brings in, which it held before and reports now.

    It holds two at most, and each for a day at least: so it makes two new names a day, however
    many it reports. The same object if nothing changes.
    """
    known = {name for name, _ in held}
    for name in sorted(name for name in reported if name not in known):
        if len(held) >= HELD_LIMIT:
            over = [h for h in held if h[0] not in reported and time - h[1] >= HELD_SECONDS]
            if not over:
                break
            oldest = min(over, key=lambda h: (h[1], h[0]))
            held = tuple(h for h in held if h is not oldest)
        held = (*held, (name, time))
    return held


@dataclass(slots=True)
class BoundedNames:
    """At most 32 names have a place: those that most nodes hold. The rest is `other`."""

    reported_at: dict[str, int] = field(default_factory=dict)
    """Round in which each name with a place was last reported, in epoch seconds."""

    def assign(self, votes: Mapping[str, int], reported: Iterable[str], time: int) -> None:
        """Give out the places for a round, by the number of nodes that hold each name.

        Only a name that is `reported` in this round takes a place, and then one that is free, or
        that of the name which the fewest nodes hold, if that is fewer: names with as many nodes
        do not push one another out.
        """
        waiting = set()
        for name in reported:
            if name in self.reported_at:
                self.reported_at[name] = time
            else:
                waiting.add(name)
        for name in [n for n, at in self.reported_at.items() if time - at > KEPT_SECONDS]:
            del self.reported_at[name]
        for name in nsmallest(LIMIT, waiting, key=lambda n: (-votes[n], n)):
            if len(self.reported_at) >= LIMIT:
                weakest = min(self.reported_at, key=lambda n: (votes.get(n, 0), n))
                if votes.get(weakest, 0) >= votes[name]:
                    break
                del self.reported_at[weakest]
            self.reported_at[name] = time

    def free(self, name: str) -> None:
        """Take the place of a name away, if it has one: it needs none."""
        self.reported_at.pop(name, None)

    def has(self, name: str) -> bool:
        """Return whether a name has a place."""
        return name in self.reported_at

    def rewind(self, time: int) -> None:
        """Follow a clock that was stepped back to `time`: no name was reported later than now."""
        _rewind(self.reported_at, time)


@dataclass(slots=True)
class RecentNames:
    """Names that were written within a week; their counts are written, zero included."""

    written_at: dict[str, int] = field(default_factory=dict)
    """Round in which each name was last written, in epoch seconds."""

    def note(self, name: str, time: int) -> None:
        """Note that a name is written in a round."""
        self.written_at[name] = time

    def current(self, time: int, in_use: Collection[str]) -> tuple[str, ...]:
        """Return every name written within a week; forget the others.

        Of names that are no longer `in_use`, since they lost their place, the last 32 are kept.
        """
        recent = {n: at for n, at in self.written_at.items() if time - at <= KEPT_SECONDS}
        past = [name for name in recent if name not in in_use and name not in RESERVED]
        kept = nlargest(LIMIT, past, key=lambda n: (recent[n], n))
        for name in {*past}.difference(kept):
            del recent[name]
        self.written_at = recent
        return tuple(sorted(recent))

    def rewind(self, time: int) -> None:
        """Follow a clock that was stepped back to `time`: no name was written later than now."""
        _rewind(self.written_at, time)


def _rewind(names: dict[str, int], time: int) -> None:
    names.update({name: time for name, at in names.items() if at > time})
