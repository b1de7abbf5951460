"""The documented rule of events that are held back (docs/state.md), implemented a second time.

An event of a kind is written at most once an hour for a node. After the hour, the change since the
last one is written, if there is any. That a duplication ends is no event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

QUIET_SECONDS: Final = 3600


@dataclass(slots=True)
class ExpectedAnnouncements:
    """What has been announced of a node. Times are the collector's clock."""

    values: dict[str, str] = field(default_factory=dict)
    """By kind, the value that was announced last; at first, the value that was found first."""
    at: dict[str, int] = field(default_factory=dict)
    """By kind, the round of the last event."""

    def change(self, kind: str, value: str, now: int) -> str | None:
        """Return the old value if the present one must be announced now."""
        old = self.values.setdefault(kind, value)
        if self._is_quiet(kind, now) or old == value:
            return None
        self.values[kind], self.at[kind] = value, now
        return old

    def begin(self, kind: str, before: bool, after: bool, now: int) -> bool:
        """Return whether it must be announced now that something began to be so."""
        if self._is_quiet(kind, now) or before or not after:
            return False
        self.at[kind] = now
        return True

    def step_back(self, now: int) -> None:
        """Account for a clock that was stepped back to `now`."""
        self.at = {kind: min(at, now) for kind, at in self.at.items()}

    def _is_quiet(self, kind: str, now: int) -> bool:
        """Return whether the hour of a kind is not over; once it is, no clock brings it back."""
        if kind in self.at and now - self.at[kind] >= QUIET_SECONDS:
            del self.at[kind]
        return kind in self.at
