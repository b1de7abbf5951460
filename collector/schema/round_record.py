"""What a round hands to the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collector.schema.column import Point


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """Points and state of one round. It is stored whole or not at all."""

    time: int
    """The round's scheduled time, in seconds since 1970. The same time again is the same round."""
    points: Iterable[Point] = ()
    """Made while they are read, so that they are never all in memory. They are read on the store's
    thread, again if the disk does not take them, and must be the same then. Their times may differ
    from the round's (late events)."""
    state: Mapping[str, bytes | None] = field(default_factory=dict)
    """What changed since the previous record; None deletes a key, other keys stay as they are."""
