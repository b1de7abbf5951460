"""Which changes of a node are announced now: each kind of event at most once an hour.

A node that changes back and forth is announced once, and after the hour with what has changed
since, if anything has. `up` and `down` are not held back, nor are `joined` and `left`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from collector.times import HOUR

T = TypeVar("T")
QUIET_SECONDS: Final = HOUR
"""After an event, there is none of its kind for so long."""


@dataclass(frozen=True, slots=True)
class Announced(Generic[T]):
    """The last event of a kind, while it is less than an hour ago."""

    at: int
    """Its round, in epoch seconds."""
    value: T
    """What it announced."""


@dataclass(frozen=True, slots=True)
class AnnouncedGpus:
    """The cards as announced, while one of the two kinds of events is less than an hour ago."""

    value: Mapping[str, int]
    """Cards by device."""
    added_at: int | None = None
    removed_at: int | None = None

    def rewound(self, time: int) -> AnnouncedGpus:
        """Return the same after a clock was stepped back to `time`."""
        return AnnouncedGpus(self.value, _past(self.added_at, time), _past(self.removed_at, time))


@dataclass(frozen=True, slots=True)
class Announcements:
    """What was announced of a node within the last hour; None where nothing was."""

    address: Announced[str] | None = None
    version: Announced[str] | None = None
    gpus: AnnouncedGpus | None = None
    duplicate_hash_at: int | None = None
    """Round in which it was announced that the hash is listed again, in epoch seconds."""
    duplicate_address_at: int | None = None
    """Round in which it was announced that the address is shared, in epoch seconds."""

    @property
    def latest_at(self) -> int:
        """The latest time in it; 0 if there is none."""
        changes = [last.at for last in (self.address, self.version) if last]
        cards = (self.gpus.added_at, self.gpus.removed_at) if self.gpus else ()
        others = (self.duplicate_hash_at, self.duplicate_address_at, *cards)
        return max([0, *changes, *(at or 0 for at in others)])

    def rewound(self, time: int) -> Announcements:
        """Return the same after a clock was stepped back to `time`: nothing is later than now."""
        if self == NO_ANNOUNCEMENTS:
            return self
        return Announcements(
            address=_rewound(self.address, time),
            version=_rewound(self.version, time),
            gpus=self.gpus and self.gpus.rewound(time),
            duplicate_hash_at=_past(self.duplicate_hash_at, time),
            duplicate_address_at=_past(self.duplicate_address_at, time),
        )


NO_ANNOUNCEMENTS: Final = Announcements()


def announce(
    last: Announced[T] | None, before: T | None, after: T | None, time: int
) -> tuple[Announced[T] | None, T | None]:
    """Return what is announced by now, and the value before the change to announce, if there is.

    `before` and `after` are the values before and after the round at `time`; None is not known.
    """
    if before is None or after is None:
        return last, None
    if last is not None and _is_quiet(last.at, time):
        return last, None
    announced = before if last is None else last.value
    return (None, None) if announced == after else (Announced(time, after), announced)


def announce_gpus(
    last: AnnouncedGpus | None, before: Mapping[str, int], after: Mapping[str, int], time: int
) -> tuple[AnnouncedGpus | None, dict[str, int]]:
    """Return what is announced by now, and the change to announce by device, if there is one."""
    if last is None and before == after:
        return None, {}
    last = last or AnnouncedGpus(before)
    added_at = last.added_at if _is_quiet(last.added_at, time) else None
    removed_at = last.removed_at if _is_quiet(last.removed_at, time) else None
    changes: dict[str, int] = {}
    for device in sorted({*last.value, *after}):
        change = after.get(device, 0) - last.value.get(device, 0)
        if (change > 0 and added_at is None) or (change < 0 and removed_at is None):
            changes[device] = change
    if any(change > 0 for change in changes.values()):
        added_at = time
    if any(change < 0 for change in changes.values()):
        removed_at = time
    if added_at is None and removed_at is None:
        return None, changes
    announced = {d: last.value.get(d, 0) + changes.get(d, 0) for d in {*last.value, *changes}}
    kept = AnnouncedGpus({d: n for d, n in sorted(announced.items()) if n}, added_at, removed_at)
    return kept, changes


def announce_beginning(
    last: int | None, before: bool, after: bool, time: int
) -> tuple[int | None, bool]:
    """Return when a beginning was announced last, within an hour, and whether one is to be now.

    `before` and `after` say whether it is so before and after the round at `time`. That something
    ends is not announced.
    """
    if _is_quiet(last, time):
        return last, False
    return (time, True) if after and not before else (None, False)


def _is_quiet(at: int | None, time: int) -> bool:
    """Return whether an event of the round `at` is so recent that there is no other now."""
    return at is not None and time - at < QUIET_SECONDS


def _rewound(last: Announced[T] | None, time: int) -> Announced[T] | None:
    return None if last is None else Announced(min(last.at, time), last.value)


def _past(at: int | None, time: int) -> int | None:
    return None if at is None else min(at, time)
