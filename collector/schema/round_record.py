"""What a round hands to the store, and what the store answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collector.schema.column import Point


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """Everything one round leaves behind. It is stored whole or not at all."""

    time: int
    """The round's scheduled time, in seconds since 1970. The same time again is the same round."""
    points: Sequence[Point] = ()
    """Their times may differ from the round's (late events)."""
    state: Mapping[str, bytes | None] = field(default_factory=dict)
    """What changed since the last batch; None deletes the key, keys not named stay as they are."""
