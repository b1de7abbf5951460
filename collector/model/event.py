"""Something that happened to a node, announced once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class EventKind(StrEnum):
    """What happened."""

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
    """Hash."""
    name: str
    """Display name as it is a tag."""
    text: str
    """The event in words."""
    failure: str | None = None
    """`down` only."""
    old: str | None = None
    new: str | None = None
    since: int | None = None
    """Epoch seconds: first round of the outage (`down`), or of the recovery (`up`)."""
    lasted_seconds: float | None = None
    """`up` only: how long the node was down."""


def clock(time: float) -> str:
    """A time for people, in UTC."""
    return f"{dt.datetime.fromtimestamp(time, dt.UTC):%Y-%m-%d %H:%M} UTC"


def span(seconds: float) -> str:
    """A duration for people."""
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} d"
