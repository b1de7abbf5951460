"""Turns the points of a round into rows: what some InfluxDB would refuse is rejected here.

A round is validated while it is written, a slice at a time, so that its rows are never all in
memory. One that has to wait for the disk is kept as rows, and is not validated again when it is
written.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from time import sleep
from typing import Final

from collector.model.batch import Batch, BatchBuilder, BatchLimits
from collector.schema.column import Point, Value
from collector.schema.line_protocol import line
from collector.schema.round_record import RoundRecord
from collector.store.table import Table

log = logging.getLogger(__name__)

_LINE_LIMIT: Final = 4_096
"""Characters of a rejected line, and of the reason, that are kept."""
_SLICE_POINTS: Final = 1_000
"""Points in memory at once: less than 1 MB. Four times as many save 6 % of a commit's time."""
_YIELD_POINTS: Final = 64
"""Points after which other threads may run: the event loop waits for no more than these."""
_POINT_BYTES: Final = 400
"""What a row of about 15 fields takes in memory, estimated."""

Row = tuple[int, tuple[str, ...], tuple[Value, ...]]
"""Time, tags and fields of a point, in the order of its table."""


@dataclass(frozen=True, slots=True)
class RejectedPoint:
    """A point that some generation of InfluxDB would refuse."""

    time: int
    """Of the round that brought it; its own may be what is wrong with it."""
    measurement: str
    line: str
    reason: str


@dataclass(frozen=True, slots=True)
class ValidatedSlice:
    """Some points of a round as they go into the file."""

    rows: Mapping[str, list[Row]]
    """Of the accepted points, by measurement."""
    rejected: tuple[RejectedPoint, ...]
    batches: tuple[Batch, ...]
    """Those that became full, of the accepted points as they will be sent."""

    @property
    def points(self) -> int:
        """Return how many points were accepted."""
        return sum(map(len, self.rows.values()))


@dataclass(frozen=True, slots=True)
class RoundCounts:
    """How many points of a round were accepted and rejected."""

    points: int = 0
    rejected: int = 0
    first: RejectedPoint | None = None
    """The first that was rejected."""

    @classmethod
    def of(cls, slices: Iterable[ValidatedSlice]) -> RoundCounts:
        """Return the counts of a whole round."""
        counts = cls()
        for added in slices:
            counts = counts.plus(added)
        return counts

    def plus(self, added: ValidatedSlice) -> RoundCounts:
        """Return the counts with those of one more slice."""
        first = self.first or next(iter(added.rejected), None)
        return RoundCounts(self.points + added.points, self.rejected + len(added.rejected), first)

    def warn(self, time: int) -> None:
        """Log how many points of the round at `time` were rejected, if any were."""
        if self.first:
            log.warning(
                "round %d: %d of %d points rejected, since some InfluxDB would refuse them; the "
                "first: %s: %s",
                time,
                self.rejected,
                self.points + self.rejected,
                self.first.measurement,
                self.first.reason[:200],
            )


@dataclass(frozen=True, slots=True)
class ValidatedRound:
    """A whole round in memory, for a disk that does not take it."""

    time: int
    slices: list[ValidatedSlice]
    state: Mapping[str, bytes | None]
    counts: RoundCounts

    @property
    def bytes(self) -> int:
        """Estimate of the memory that it takes."""
        state = sum(len(value or b"") for value in self.state.values())
        batches = sum(len(batch.body) for part in self.slices for batch in part.batches)
        return self.counts.points * _POINT_BYTES + state + batches

    def release_rows(self) -> None:
        """Release the rows, a slice at a time: all at once would stop every other thread."""
        while self.slices:
            self.slices.pop()


def validate(
    record: RoundRecord, tables: Mapping[str, Table], limits: BatchLimits | None = None
) -> ValidatedRound:
    """Return a whole round, validated; see `validated_slices`."""
    slices = list(validated_slices(record, tables, limits))
    return ValidatedRound(record.time, slices, dict(record.state), RoundCounts.of(slices))


def validated_slices(
    record: RoundRecord, tables: Mapping[str, Table], limits: BatchLimits | None = None
) -> Iterator[ValidatedSlice]:
    """Yield the rows of all accepted points and what is rejected, a slice of the points at a time.

    With `limits`, the accepted points are made into batches as well. Raises ValueError for a point
    whose measurement the store was not opened with.
    """
    builder = BatchBuilder(record.time, limits) if limits else None
    points = iter(record.points)
    while True:
        rows, rejected = _validated(record.time, islice(points, _SLICE_POINTS), tables, builder)
        if not rows and not rejected:
            break
        yield ValidatedSlice(rows, rejected, builder.take_full() if builder else ())
    if builder and (last := builder.batches()):
        yield ValidatedSlice({}, (), last)


def _validated(
    time: int, points: Iterable[Point], tables: Mapping[str, Table], builder: BatchBuilder | None
) -> tuple[dict[str, list[Row]], tuple[RejectedPoint, ...]]:
    """Return the rows of accepted points, which are added to the batches, and the others."""
    rows: dict[str, list[Row]] = {}
    rejected: list[RejectedPoint] = []
    for number, point in enumerate(points):
        if number % _YIELD_POINTS == 0:
            sleep(0)
        table = tables.get(point.MEASUREMENT)
        if table is None:
            raise ValueError(f"the store was opened without the measurement {point.MEASUREMENT}")
        row = point.row()
        if reason := point.rejection_reason(row):
            rejected.append(_rejected(time, point, reason))
            continue
        rows.setdefault(point.MEASUREMENT, []).append((point.time, *table.split(row)))
        if builder:
            builder.add(f"{line(point, row)}\n".encode())
    return rows, tuple(rejected)


def _rejected(time: int, point: Point, reason: str) -> RejectedPoint:
    """Return a rejected point as text; it may hold anything, of any length, not even UTF-8."""
    return RejectedPoint(time, point.MEASUREMENT, _bounded(line(point)), _bounded(reason))


def _bounded(text: str) -> str:
    return text[:_LINE_LIMIT].encode(errors="backslashreplace").decode()
