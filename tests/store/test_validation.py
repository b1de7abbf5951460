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
from collector.text import without_controls
from tests.support.influx_servers import KINDS_1, Influx, running
from tests.support.sample_points import ALL, Sample, sample

FOR_EVER_DAYS = 1e6
PLAIN = sample(60, region="north", requests=None, note="fair")


def altered(**changes: Any) -> Sample:
    """Return a plain point with odd values, which may even be of the wrong type."""
    return replace(PLAIN, **changes)


TAKEN: dict[str, Sample] = {
    **{
        f"tag {name}": altered(host=value)
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
        f"text {name}": altered(note=value)
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
            "a whole line": '"\nsample,host=x requests=9i 60\n"',
            "accents and emoji": "Zürich 日本 🦀",
            "NUL": "a\0b",
            "like an integer": "5i",
            "as long as may be": "x" * TEXT_LIMIT_BYTES,
        }.items()
    },
    **{
        f"float {name}": altered(load=value)
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
        f"integer {name}": altered(requests=value)
        for name, value in {
            "largest": 2**63 - 1,
            "smallest": -(2**63),
            "true": True,
        }.items()
    },
    **{f"time {value}": altered(time=value) for value in (0, -1, 9_223_372_036, -9_223_372_036)},
}

REFUSED_BY_ALL: dict[str, Sample] = {
    "tag empty": altered(host=""),
    "tag with line break": altered(host="a\nb"),
    "tag with backslash at the end": altered(host="a\\"),
    "tag with two backslashes at the end": altered(host="a\\\\"),
    "tag of 70,000 characters": altered(host="x" * 70_000),
    "float nan": altered(load=math.nan),
    "float inf": altered(load=math.inf),
    "float -inf": altered(load=-math.inf),
    "integer past 64 bits": altered(requests=2**63),
    "integer before 64 bits": altered(requests=-(2**63) - 1),
    "integer with a fraction": altered(requests=1.5),
    "no fields": altered(note=None),
    "time past 2262": altered(time=9_223_372_037),
    "time before 1677": altered(time=-9_223_372_037),
    "time past 64 bits": altered(time=2**63),
    "time with a fraction": altered(time=60.5),
}

REFUSED_BY_SOME: dict[str, Sample] = {
    "tag with tab": altered(host="a\tb"),
    "tag with carriage return": altered(host="a\rb"),
    "tag with two backslashes": altered(host=r"a\\b"),
    "tag with backslash before a comma": altered(host=r"a\,b"),
    "tag with backslash before a space": altered(host=r"a\ b"),
    "tag with backslash before equals": altered(host=r"a\=b"),
    "tag that is not UTF-8": altered(host="\ud800"),
    "tags past the limit": altered(host="," * (SERIES_LIMIT_BYTES // 2 + 1)),
    "text past the limit": altered(note="é" * (TEXT_LIMIT_BYTES // 2 + 1)),
    "text that is not UTF-8": altered(note="\ud800"),
    "text that is a number": altered(note=5),
    "float that is a flag": altered(load=True),
}


def by_name(cases: dict[str, Sample]) -> pytest.MarkDecorator:
    """A parameter per point, under its name."""
    return pytest.mark.parametrize("point", list(cases.values()), ids=list(cases))


@pytest.fixture(scope="module", params=KINDS_1)
def influx(request: pytest.FixtureRequest) -> Iterator[Influx]:
    """A real InfluxDB 1.x."""
    with running(request.param) as server:
        yield server


@pytest.fixture
def database(influx: Influx) -> Iterator[str]:
    """An empty database."""
    influx.ask("/query", b"", q="CREATE DATABASE odd")
    yield "odd"
    influx.ask("/query", b"", q="DROP DATABASE odd")


@by_name(TAKEN)
async def test_store_gives_back(point: Sample, tmp_path: Path) -> None:
    """What is accepted is read back as it was, with spaces for control characters in text."""
    async with await EmbeddedStore.open(tmp_path, ALL, FOR_EVER_DAYS) as store:
        receipt = await store.commit(RoundRecord(60, [point]))
    assert (receipt.points, receipt.rejected) == (1, 0)
    with Reader(tmp_path) as reader:
        assert reader.rows("SELECT * FROM sample") == [expected(point)]


@by_name(TAKEN)
def test_influx_gives_back(point: Sample, influx: Influx, database: str) -> None:
    """A real InfluxDB accepts the same points and gives back the same values."""
    status, message = influx.ask("/write", f"{line(point)}\n".encode(), db=database, precision="s")
    assert (status, message) == (204, "")
    assert query(influx, database) == [expected(point)]


@by_name({**REFUSED_BY_ALL, **REFUSED_BY_SOME})
async def test_store_refuses(point: Sample, tmp_path: Path) -> None:
    """What some InfluxDB refuses is rejected, whatever it holds; the others are stored."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        receipt = await store.commit(RoundRecord(60, [point, sample(60, "beta")]))
    assert (receipt.stored, receipt.points, receipt.rejected) == (True, 1, 1)
    with Reader(tmp_path) as reader:
        assert [row["host"] for row in reader.rows("SELECT * FROM sample")] == ["beta"]
        (rejected,) = reader.rows("SELECT * FROM rejected")
        assert rejected["measurement"] == "sample"
        assert rejected["line"].startswith("sample,host=")
        assert (
            rejected["reason"]
            == (point.rejection_reason() or "")[:4096].encode(errors="backslashreplace").decode()
        )


@by_name(REFUSED_BY_ALL)
def test_influx_refuses(point: Sample, influx: Influx, database: str) -> None:
    """A real InfluxDB refuses them too."""
    status, message = influx.ask("/write", f"{line(point)}\n".encode(), db=database, precision="s")
    assert status == 400, message


def expected(point: Sample) -> dict[str, Any]:
    """A point as a reader sees it."""
    return {
        "time": point.time,
        "host": point.host or "",
        "region": point.region or "",
        "load": point.load,
        "requests": point.requests,
        "note": None if point.note is None else without_controls(point.note),
    }


def query(influx: Influx, database: str) -> list[dict[str, Any]]:
    """Return all samples with every column; times in seconds."""
    _, answer = influx.ask("/query", q="SELECT * FROM sample", db=database, epoch="s")
    empty = {"host": "", "region": "", "load": None, "requests": None, "note": None}
    (series,) = json.loads(answer)["results"][0]["series"]
    rows = [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]
    return [{**empty, **{k: v for k, v in row.items() if v is not None}} for row in rows]
