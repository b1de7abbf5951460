"""The store takes exactly the points that every generation of InfluxDB takes and gives back."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.schema.limits import SERIES_LIMIT_BYTES, TEXT_LIMIT_BYTES
from collector.schema.line_protocol import line
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader
from tests.support.disk_weather import ALL, Weather, weather
from tests.support.influx_servers import Influx1, influx1_cases, running_influx1

FOR_EVER_DAYS = 1e6
PLAIN = weather(60, station="north", drops=None, sky="fair")

TAKEN: dict[str, Weather] = {
    **{
        f"tag {name}": replace(PLAIN, city=value)
        for name, value in {
            "comma": "a,b",
            "comma at the end": "a,",
            "equals": "a=b",
            "space": "a b",
            "space around": " a ",
            "only a space": " ",
            "quote": 'a"b',
            "apostrophe": "a'b",
            "backslash inside": r"a\b",
            "backslash before n": r"a\n",
            "backslash first": r"\a",
            "backslash before a quote": '\\"',
            "accents and emoji": "Zürich 日本 🦀",
            "NUL": "a\0b",
            "escape": "a\x1bb",
            "form feed": "a\x0cb",
            "line separator": "a\u2028b",
            "byte order mark": "\ufeffa",
            "hash sign": "#a",
            "long": "x" * (SERIES_LIMIT_BYTES - 5),
            "absent": None,
        }.items()
    },
    **{
        f"text {name}": replace(PLAIN, sky=value)
        for name, value in {
            "empty": "",
            "quote": 'a"b',
            "quote at the end": 'a"',
            "backslash inside": r"a\b",
            "backslash at the end": "a\\",
            "two backslashes at the end": "a\\\\",
            "backslash and quote": '\\"',
            "line break inside": "a\nb",
            "line break at the end": "a\n",
            "carriage return": "a\rb",
            "tab": "a\tb",
            "comma, equals and space": "a, b=c d",
            "a whole line": '"\nweather,city=x drops=9i 60\n"',
            "accents and emoji": "Zürich 日本 🦀",
            "NUL": "a\0b",
            "like an integer": "5i",
            "as long as may be": "x" * TEXT_LIMIT_BYTES,
        }.items()
    },
    **{
        f"float {name}": replace(PLAIN, degrees=value)
        for name, value in {
            "largest": sys.float_info.max,
            "smallest": 5e-324,
            "negative zero": -0.0,
            "whole": 20.0,
            "with exponent": 1e22,
            "small": 1e-7,
        }.items()
    },
    **{
        f"integer {name}": replace(PLAIN, drops=value)
        for name, value in {
            "largest": 2**63 - 1,
            "smallest": -(2**63),
            "true": True,
        }.items()
    },
    **{
        f"time {value}": replace(PLAIN, time=value)
        for value in (0, -1, 9_223_372_036, -9_223_372_036)
    },
}

REFUSED_BY_ALL: dict[str, Weather] = {
    "tag empty": replace(PLAIN, city=""),
    "tag with line break": replace(PLAIN, city="a\nb"),
    "tag with backslash at the end": replace(PLAIN, city="a\\"),
    "tag with two backslashes at the end": replace(PLAIN, city="a\\\\"),
    "tag of 70,000 characters": replace(PLAIN, city="x" * 70_000),
    "float nan": replace(PLAIN, degrees=math.nan),
    "float inf": replace(PLAIN, degrees=math.inf),
    "float -inf": replace(PLAIN, degrees=-math.inf),
    "integer past 64 bits": replace(PLAIN, drops=2**63),
    "integer before 64 bits": replace(PLAIN, drops=-(2**63) - 1),
    "integer with a fraction": replace(PLAIN, drops=1.5),
    "no fields": replace(PLAIN, sky=None),
    "time past 2262": replace(PLAIN, time=9_223_372_037),
    "time before 1677": replace(PLAIN, time=-9_223_372_037),
    "time past 64 bits": replace(PLAIN, time=2**63),
    "time with a fraction": replace(PLAIN, time=60.5),
}

REFUSED_BY_SOME: dict[str, Weather] = {
    "tag with tab": replace(PLAIN, city="a\tb"),
    "tag with carriage return": replace(PLAIN, city="a\rb"),
    "tag with two backslashes": replace(PLAIN, city=r"a\\b"),
    "tag with backslash before a comma": replace(PLAIN, city=r"a\,b"),
    "tag with backslash before a space": replace(PLAIN, city=r"a\ b"),
    "tag with backslash before equals": replace(PLAIN, city=r"a\=b"),
    "tag that is not UTF-8": replace(PLAIN, city="\ud800"),
    "tags past the limit": replace(PLAIN, city="," * (SERIES_LIMIT_BYTES // 2 + 1)),
    "text past the limit": replace(PLAIN, sky="é" * (TEXT_LIMIT_BYTES // 2 + 1)),
    "text that is not UTF-8": replace(PLAIN, sky="\ud800"),
    "text that is a number": replace(PLAIN, sky=5),
    "float that is a flag": replace(PLAIN, degrees=True),
}


def by_name(cases: dict[str, Weather]) -> pytest.MarkDecorator:
    """A parameter per point, under its name."""
    return pytest.mark.parametrize("point", list(cases.values()), ids=list(cases))


@pytest.fixture(scope="module", params=influx1_cases())
def influx(request: pytest.FixtureRequest) -> Iterator[Influx1]:
    """A real InfluxDB 1.x."""
    with running_influx1(request.param) as server:
        yield server


@pytest.fixture
def database(influx: Influx1) -> Iterator[str]:
    """An empty database."""
    influx.ask("/query", b"", q="CREATE DATABASE odd")
    yield "odd"
    influx.ask("/query", b"", q="DROP DATABASE odd")


@by_name(TAKEN)
async def test_store_gives_back(point: Weather, tmp_path: Path) -> None:
    """What is accepted is read back as it was."""
    async with await EmbeddedStore.open(tmp_path, ALL, FOR_EVER_DAYS) as store:
        receipt = await store.commit(RoundRecord(60, [point]))
    assert (receipt.points, receipt.rejected) == (1, 0)
    with Reader(tmp_path) as reader:
        assert reader.rows("SELECT * FROM weather") == [expected(point)]


@by_name(TAKEN)
def test_influx_gives_back(point: Weather, influx: Influx1, database: str) -> None:
    """A real InfluxDB accepts the same points and gives back the same values."""
    status, words = influx.ask("/write", f"{line(point)}\n".encode(), db=database, precision="s")
    assert (status, words) == (204, "")
    assert query(influx, database) == [expected(point)]


@by_name({**REFUSED_BY_ALL, **REFUSED_BY_SOME})
async def test_store_refuses(point: Weather, tmp_path: Path) -> None:
    """What some InfluxDB refuses is kept apart, whatever it holds; the others go in."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        receipt = await store.commit(RoundRecord(60, [point, weather(60, "Ghent")]))
    assert (receipt.stored, receipt.points, receipt.rejected) == (True, 1, 1)
    with Reader(tmp_path) as reader:
        assert [row["city"] for row in reader.rows("SELECT * FROM weather")] == ["Ghent"]
        (rejected,) = reader.rows("SELECT * FROM rejected")
        assert rejected["measurement"] == "weather"
        assert rejected["line"].startswith("weather,city=")
        assert (
            rejected["reason"]
            == (point.rejection_reason() or "")[:4096].encode(errors="backslashreplace").decode()
        )


@by_name(REFUSED_BY_ALL)
def test_influx_refuses(point: Weather, influx: Influx1, database: str) -> None:
    """A real InfluxDB refuses them too."""
    status, words = influx.ask("/write", f"{line(point)}\n".encode(), db=database, precision="s")
    assert status == 400, words


def expected(point: Weather) -> dict[str, Any]:
    """A point as a reader sees it."""
    return {
        "time": point.time,
        "city": point.city or "",
        "station": point.station or "",
        "degrees": point.degrees,
        "drops": point.drops,
        "sky": point.sky,
    }


def query(influx: Influx1, database: str) -> list[dict[str, Any]]:
    """All weather, with every column; seconds."""
    _, answer = influx.ask("/query", q="SELECT * FROM weather", db=database, epoch="s")
    empty = {"city": "", "station": "", "degrees": None, "drops": None, "sky": None}
    (series,) = json.loads(answer)["results"][0]["series"]
    rows = [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]
    return [{**empty, **{k: v for k, v in row.items() if v is not None}} for row in rows]
