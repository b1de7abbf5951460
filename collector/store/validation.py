"""Where points become rows: what every InfluxDB accepts goes on, the rest is kept apart.

A batch is sorted once, when it arrives, so that one that has to wait for the disk is small and
is written without being judged again.
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

LINE_LIMIT: Final = 4_096
"""Characters of a refused line, and of the reason, that are kept."""
_SLICE_ROWS: Final = 1_000
_TURN_POINTS: Final = 64
"""Points after which other threads get a turn: the event loop waits for no more than these."""
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
class ValidatedRound:
    """A batch as it goes into the file."""

    time: int
    rows: Mapping[str, list[Row]]
    """By measurement."""
    rejected: tuple[Rejected, ...]
    state: Mapping[str, bytes | None]
    points: int
    """How many points were accepted."""
    batches: tuple[Batch, ...] = ()
    """The accepted points as they will be sent; none if nothing is sent anywhere."""

    @property
    def bytes(self) -> int:
        """Estimate of the memory that it takes."""
        carried = sum(len(v or b"") for v in self.state.values())
        return self.points * _POINT_BYTES + carried + sum(len(p.body) for p in self.batches)

    def forget(self) -> None:
        """Let go of the rows, a slice at a time: all at once would stop every other thread."""
        for rows in self.rows.values():
            while rows:
                del rows[-_SLICE_ROWS:]


def validate(
    record: RoundRecord, tables: Mapping[str, Table], limits: BatchLimits | None = None
) -> ValidatedRound:
    """Judge every point; one warning tells of all that were refused.

    With `limits`, the others are made ready to be sent as well. Raises ValueError for a point
    whose measurement the store was not opened with.
    """
    rows: dict[str, list[Row]] = {}
    rejected: list[Rejected] = []
    cutter = BatchBuilder(record.time, limits) if limits else None
    for number, point in enumerate(record.points):
        if number % _TURN_POINTS == 0:
            sleep(0)
        table = tables.get(point.MEASUREMENT)
        if table is None:
            raise ValueError(f"the store was opened without the measurement {point.MEASUREMENT}")
        row = point.row()
        if reason := point.rejection_reason(row):
            rejected.append(_rejected(record.time, point, reason))
        else:
            rows.setdefault(point.MEASUREMENT, []).append((point.time, *table.split(row)))
            if cutter:
                cutter.add(f"{line(point, row)}\n".encode())
    if rejected:
        first = rejected[0]
        log.warning(
            "Round %d: %d of %d points would be refused by InfluxDB and are kept apart; the first: "
            "%s: %s",
            record.time,
            len(rejected),
            len(record.points),
            first.measurement,
            first.reason[:200],
        )
    points = sum(map(len, rows.values()))
    batches = cutter.batches() if cutter else ()
    return ValidatedRound(record.time, rows, tuple(rejected), dict(record.state), points, batches)


def _rejected(time: int, point: Point, reason: str) -> Rejected:
    """A refused point may hold anything: out of range, not even UTF-8, of any length."""
    return Rejected(time, point.MEASUREMENT, _kept(line(point)), _kept(reason))


def _kept(text: str) -> str:
    return text[:LINE_LIMIT].encode(errors="backslashreplace").decode()
