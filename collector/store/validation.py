"""Turns the points of a round into rows: what some InfluxDB would refuse is rejected here.

A round is validated once, when it is committed, so that one that has to wait for the disk is small
and is written without being validated again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
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
_SLICE_ROWS: Final = 1_000
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
class ValidatedRound:
    """A round as it goes into the file."""

    time: int
    rows: Mapping[str, list[Row]]
    """By measurement."""
    rejected: tuple[RejectedPoint, ...]
    state: Mapping[str, bytes | None]
    points: int
    """How many points were accepted."""
    batches: tuple[Batch, ...] = ()
    """The accepted points as they will be sent; none if nothing is sent anywhere."""

    @property
    def bytes(self) -> int:
        """Estimate of the memory that it takes."""
        state = sum(len(value or b"") for value in self.state.values())
        return self.points * _POINT_BYTES + state + sum(len(b.body) for b in self.batches)

    def release_rows(self) -> None:
        """Release the rows, a slice at a time: all at once would stop every other thread."""
        for rows in self.rows.values():
            while rows:
                del rows[-_SLICE_ROWS:]


def validate(
    record: RoundRecord, tables: Mapping[str, Table], limits: BatchLimits | None = None
) -> ValidatedRound:
    """Return the rows of all accepted points; one warning counts those that are rejected.

    With `limits`, the accepted points are made into batches as well. Raises ValueError for a point
    whose measurement the store was not opened with.
    """
    rows: dict[str, list[Row]] = {}
    rejected: list[RejectedPoint] = []
    builder = BatchBuilder(record.time, limits) if limits else None
    for number, point in enumerate(record.points):
        if number % _YIELD_POINTS == 0:
            sleep(0)
        table = tables.get(point.MEASUREMENT)
        if table is None:
            raise ValueError(f"the store was opened without the measurement {point.MEASUREMENT}")
        row = point.row()
        if reason := point.rejection_reason(row):
            rejected.append(_rejected(record.time, point, reason))
        else:
            rows.setdefault(point.MEASUREMENT, []).append((point.time, *table.split(row)))
            if builder:
                builder.add(f"{line(point, row)}\n".encode())
    if rejected:
        first = rejected[0]
        log.warning(
            "round %d: %d of %d points rejected, since some InfluxDB would refuse them; the first: "
            "%s: %s",
            record.time,
            len(rejected),
            len(record.points),
            first.measurement,
            first.reason[:200],
        )
    points = sum(map(len, rows.values()))
    batches = builder.batches() if builder else ()
    return ValidatedRound(record.time, rows, tuple(rejected), dict(record.state), points, batches)


def _rejected(time: int, point: Point, reason: str) -> RejectedPoint:
    """Return a rejected point as text; it may hold anything, of any length, not even UTF-8."""
    return RejectedPoint(time, point.MEASUREMENT, _bounded(line(point)), _bounded(reason))


def _bounded(text: str) -> str:
    return text[:_LINE_LIMIT].encode(errors="backslashreplace").decode()
