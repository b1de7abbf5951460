"""The numbers by which rounds are planned and judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from collector.state.hysteresis import Availability, Hysteresis
from collector.times import HOUR

FRESH_INTERVALS: Final = 3
"""Evidence older than this many intervals is stale, and is not counted with newer evidence."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How rounds are planned and judged."""

    interval_seconds: int = 60
    """Between two rounds."""
    ipv6_interval_seconds: int = 6 * HOUR
    """Between two IPv6 checks of a node."""
    hysteresis: Hysteresis = field(default_factory=Hysteresis)

    @property
    def fresh_seconds(self) -> int:
        """Age up to which evidence is fresh."""
        return FRESH_INTERVALS * self.interval_seconds

    def add_evidence(
        self, known: Availability, time: int, reachable: bool, not_before: int | None = None
    ) -> Availability:
        """Return the availability after a round's evidence; after a gap the count begins anew.

        The time until `not_before` is no gap: the node itself asked not to be visited.
        """
        last = known.evidence_at
        if last is not None and time - max(last, not_before or 0) > self.fresh_seconds:
            known = known.without_evidence()
        return self.hysteresis.add_evidence(known, time, reachable)
