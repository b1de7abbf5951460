"""Names that strangers can make up, bounded before they become series."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from collector.times import DAY

LIMIT: Final = 32
OTHER: Final = "other"
UNKNOWN: Final = "unknown"
KEPT_SECONDS: Final = 7 * DAY
"""A name not reported for this long gives its place to a new one."""
_RESERVED: Final = frozenset({OTHER, UNKNOWN})


@dataclass(slots=True)
class BoundedNames:
    """At most 32 names that strangers made up, first come first served; the rest is `other`."""

    reported_at: dict[str, int] = field(default_factory=dict)
    """Round in which each name of a stranger was last reported, in epoch seconds."""
    published_at: dict[str, int] = field(default_factory=dict)
    """The same of names that take no place: what the network publishes, `other`, `unknown`."""

    def admit(self, name: str, time: int) -> str:
        """Take up a name that was reported; return it, or `other` when there is no place for it.

        `other` and `unknown` take no place, whoever reports them.
        """
        if name not in self.reported_at and len(self.reported_at) >= LIMIT:
            oldest = min(self.reported_at, key=lambda n: (self.reported_at[n], n))
            if time - self.reported_at[oldest] <= KEPT_SECONDS:
                name = OTHER
            elif name not in _RESERVED:
                del self.reported_at[oldest]
        if name in _RESERVED:
            self.note(name, time)
        else:
            self.reported_at[name] = time
        return name

    def note(self, name: str, time: int) -> None:
        """Take up a name that needs no place and was reported."""
        self.published_at[name] = time

    def current(self, time: int) -> tuple[str, ...]:
        """Return every name reported within a week; their counts are written, zero included."""
        names = {**self.reported_at, **self.published_at}
        return tuple(sorted(n for n, at in names.items() if time - at <= KEPT_SECONDS))

    def rewind(self, time: int) -> None:
        """Follow a clock that was stepped back to `time`: no name was reported later than now."""
        for names in (self.reported_at, self.published_at):
            names.update({name: time for name, at in names.items() if at > time})
