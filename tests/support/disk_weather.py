"""Measurements of the tests' own: the store knows no names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from collector.schema.column import Point, integer, real, string, tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather(Point):
    """One tag that may be absent, and a field of each type."""

    MEASUREMENT: ClassVar[str] = "weather"

    city: str = tag("Where")
    station: str | None = tag("Who measured")
    degrees: float | None = real("Temperature")
    drops: int | None = integer("Rain")
    sky: str | None = string("Words")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tide(Point):
    """A measurement without tags."""

    MEASUREMENT: ClassVar[str] = "tide"

    metres: float | None = real("Height")


ALL = (Weather, Tide)


def weather(
    time: int,
    city: str = "Delft",
    station: str | None = None,
    drops: int | None = 1,
    degrees: float | None = None,
    sky: str | None = None,
) -> Weather:
    """A point of weather."""
    return Weather(time=time, city=city, station=station, drops=drops, degrees=degrees, sky=sky)
