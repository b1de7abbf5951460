"""What a round hands to the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collector.schema.column import Point


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """Points and state of one round. It is stored whole or not at all."""

    time: int
    """The round's scheduled time, in seconds since 1970. The same time again is the same round."""
    points: Sequence[Point] = ()
    """Their times may differ from the round's (late events)."""
    state: Mapping[str, bytes | None] = field(default_factory=dict)
    """What changed since the previous record; None deletes a key, other keys stay as they are."""
