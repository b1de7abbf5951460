"""Measurements for tests: the store knows no names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from collector.schema.column import Point, integer, real, string, tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Point):
    """One tag that may be absent, and a field of each type."""

    MEASUREMENT: ClassVar[str] = "sample"

    host: str = tag("Name of a host")
    region: str | None = tag("Where it is")
    load: float | None = real("Load")
    requests: int | None = integer("Requests")
    note: str | None = string("Free text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Total(Point):
    """A measurement without tags."""

    MEASUREMENT: ClassVar[str] = "total"

    value: float | None = real("Sum")


ALL = (Sample, Total)


def sample(
    time: int,
    host: str = "alpha",
    region: str | None = None,
    requests: int | None = 1,
    load: float | None = None,
    note: str | None = None,
) -> Sample:
    """Return a point."""
    return Sample(time=time, host=host, region=region, requests=requests, load=load, note=note)


def samples(time: int, count: int, note: str | None = None) -> list[Sample]:
    """Return the points of a round, one for each of `count` hosts."""
    return [sample(time, f"host {number:04}", note=note) for number in range(count)]
