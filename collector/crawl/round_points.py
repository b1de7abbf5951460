"""Every point of a round, made while it is read: a large round is never in memory as points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collector.model.status import JudgedRound
from collector.schema.build import CollectorFigures, RoundKey, collector_point, points_of
from collector.schema.column import Point
from collector.schema.measurements import CollectorStore


@dataclass(frozen=True, slots=True)
class OwnReport:
    """What the collector reports about itself with a round."""

    key: RoundKey
    figures: CollectorFigures
    stores: tuple[CollectorStore, ...]

    def points(self, made: int) -> Iterator[Point]:
        """Yield the collector's point and one for each store; `made` points came before."""
        yield collector_point(self.key, self.figures, made + len(self.stores) + 1)
        yield from self.stores


@dataclass(frozen=True, slots=True)
class RoundPoints:
    """The points of a round, the same ones each time that they are read."""

    judged: JudgedRound
    own: OwnReport

    def __iter__(self) -> Iterator[Point]:
        """Yield those of nodes and network, then the collector's own."""
        made = 0
        key = self.own.key
        for made, point in enumerate(points_of(self.judged, key.vantage, key.shard), 1):  # noqa: B007
            yield point
        yield from self.own.points(made)
