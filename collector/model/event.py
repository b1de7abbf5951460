"""Events of nodes: something happened, and is announced once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """The kinds of events."""

    DOWN = "down"
    UP = "up"
    JOINED = "joined"
    LEFT = "left"
    ADDRESS_CHANGED = "address_changed"
    RENAMED = "renamed"
    VERSION_CHANGED = "version_changed"
    GPU_ADDED = "gpu_added"
    GPU_REMOVED = "gpu_removed"
    DUPLICATE_HASH = "duplicate_hash"
    DUPLICATE_ADDRESS = "duplicate_address"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one node in one round."""

    kind: EventKind
    node: str
    """Its hash."""
    name: str
    """Display name in use as a tag."""
    text: str
    """The event as a sentence for people."""
    failure: str | None = None
    """`down` only."""
    old: str | None = None
    """Before a change; None where the kind has no such value."""
    new: str | None = None
    """After a change, or what came or went; None where the kind has no such value."""
    since: int | None = None
    """Epoch seconds: first round of the outage (`down`), or of the recovery (`up`)."""
    lasted_seconds: float | None = None
    """`up` only: how long the node was down."""


def clock(time: float) -> str:
    """Return a time in epoch seconds as text for people, in UTC."""
    try:
        return f"{dt.datetime.fromtimestamp(time, dt.UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError, OSError):  # no year that a calendar has
        return f"{time} s after 1970"


def span(seconds: float) -> str:
    """Return a duration as text for people, in minutes, hours or days."""
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} d"
