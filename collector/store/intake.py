"""Where points become rows: what every InfluxDB accepts goes on, the rest is kept apart.

A batch is sorted once, when it arrives, so that one that has to wait for the disk is small and
is written without being judged again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from collector.line import line
from collector.measurement import Point, Value
from collector.store.batch import Batch
from collector.store.piece import Cut, Piece, cut
from collector.store.table import Table

logger = logging.getLogger(__name__)

LINE_LIMIT: Final = 4_096
"""Characters of a refused line, and of the reason, that are kept."""
_POINT_BYTES: Final = 400
"""What a row of about 15 fields takes in memory, roughly."""

Row = tuple[int, tuple[str, ...], tuple[Value, ...]]
"""Time, tags and fields of a point, in the order of its table."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A point that some generation of InfluxDB would refuse."""

    time: int
    """Of the round that brought it; its own may be what is wrong with it."""
    measurement: str
    line: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """A batch as it goes into the file."""

    time: int
    rows: Mapping[str, list[Row]]
    """By measurement."""
    rejected: tuple[Rejected, ...]
    state: Mapping[str, bytes | None]
    pieces: tuple[Piece, ...] = ()
    """The accepted points as they will be sent; none if nothing is sent anywhere."""

    @property
    def points(self) -> int:
        """How many points were accepted."""
        return sum(map(len, self.rows.values()))

    @property
    def bytes(self) -> int:
        """Estimate of the memory that it takes."""
        carried = sum(len(v or b"") for v in self.state.values())
        return self.points * _POINT_BYTES + carried + sum(len(p.body) for p in self.pieces)


def sort(batch: Batch, tables: Mapping[str, Table], limits: Cut | None = None) -> Sorted:
    """Judge every point; one warning tells of all that were refused.

    With `limits`, the others are made ready to be sent as well. Raises ValueError for a point
    whose measurement the store was not opened with.
    """
    rows: dict[str, list[Row]] = {}
    rejected: list[Rejected] = []
    accepted: list[tuple[Point, tuple[Value, ...]]] = []
    for point in batch.points:
        table = tables.get(point.MEASUREMENT)
        if table is None:
            raise ValueError(f"the store was opened without the measurement {point.MEASUREMENT}")
        row = point.row()
        if reason := point.objection(row):
            rejected.append(_rejected(batch.time, point, reason))
        else:
            rows.setdefault(point.MEASUREMENT, []).append((point.time, *table.split(row)))
            accepted.append((point, row))
    if rejected:
        first = rejected[0]
        logger.warning(
            "Round %d: %d of %d points would be refused by InfluxDB and are kept apart; the first: "
            "%s: %s",
            batch.time,
            len(rejected),
            len(batch.points),
            first.measurement,
            first.reason[:200],
        )
    encoded = (f"{line(point, row)}\n".encode() for point, row in accepted)
    pieces = cut(batch.time, encoded, limits) if limits else ()
    return Sorted(batch.time, rows, tuple(rejected), dict(batch.state), pieces)


def _rejected(time: int, point: Point, reason: str) -> Rejected:
    """A refused point may hold anything: out of range, not even UTF-8, of any length."""
    return Rejected(time, point.MEASUREMENT, _kept(line(point)), _kept(reason))


def _kept(text: str) -> str:
    return text[:LINE_LIMIT].encode(errors="backslashreplace").decode()
