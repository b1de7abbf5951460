"""Line protocol: what is written can be read back, by a parser and by real servers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from collector.model.event import Event, EventKind
from collector.schema.build import points_of
from collector.schema.column import ColumnKind, Point
from collector.schema.line_protocol import line, lines
from collector.schema.measurements import MEASUREMENTS, CrnReachability, NetworkEvent
from collector.schema.node_points import event_point
from collector.text import clean, without_controls
from tests.support.influx_servers import KINDS_1, Influx, running
from tests.support.rounds import Rounds, good, gpu, node, usage, working

_FIELD: Final = re.compile(
    r'(?P<name>[a-z0-9_]+)=(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<number>[^,"]+))', re.S
)
_TAGS = st.text(min_size=1, max_size=80)
_TEXTS = st.text(max_size=80)


def parse(text: str) -> tuple[str, dict[str, str], dict[str, Any], int]:
    """Measurement, tags, fields and time of one line, read by the rules of line protocol."""
    series, rest = _split(text, " ")
    head, *tags = _all(series, ",")
    body, time = rest.rsplit(" ", 1)
    fields: dict[str, Any] = {}
    at = 0
    while at < len(body):
        found = _FIELD.match(body, at)
        assert found, body[at:]
        fields[found["name"]] = _value(found)
        at = found.end() + 1
    pairs = (_split(tag, "=") for tag in tags)
    return head, {name: _plain(value) for name, value in pairs}, fields, int(time)


def _value(found: re.Match[str]) -> object:
    if found["text"] is not None:
        return re.sub(r'\\(["\\])', r"\1", found["text"])
    number = found["number"]
    return int(number[:-1]) if number.endswith("i") else float(number)


def _split(text: str, mark: str) -> tuple[str, str]:
    """At the first mark that is not escaped."""
    found = re.search(rf"(?<!\\){mark}", text)
    assert found, text
    return text[: found.start()], text[found.end() :]


def _all(text: str, mark: str) -> list[str]:
    return re.split(rf"(?<!\\){mark}", text)


def _plain(value: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", value)


def _columns(point: Point) -> tuple[dict[str, Any], dict[str, Any]]:
    pairs = [(c, v) for c, v in zip(point.columns(), point.row(), strict=True) if v is not None]
    return (
        {c.name: v for c, v in pairs if c.kind is ColumnKind.TAG},
        {c.name: v for c, v in pairs if c.kind is not ColumnKind.TAG},
    )


@st.composite
def _points(draw: st.DrawFn, tags: st.SearchStrategy[str] = _TAGS) -> Point:
    """Any point of any measurement, whatever text strangers may have put into it."""
    kind = draw(st.sampled_from(MEASUREMENTS))
    values: dict[str, Any] = {"time": draw(st.integers(0, 2**33))}
    for column in kind.columns():
        match column.kind:
            case ColumnKind.TAG:
                values[column.name] = draw(tags)
            case ColumnKind.INTEGER:
                values[column.name] = draw(
                    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
                )
            case ColumnKind.FLOAT:
                finite = st.floats(allow_nan=False, allow_infinity=False)
                values[column.name] = draw(st.none() | finite | st.integers(-(2**53), 2**53))
            case ColumnKind.TEXT:
                values[column.name] = draw(st.none() | _TEXTS)
    return kind(**values)


@given(_points())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_read_back_by_a_parser(point: Point) -> None:
    """Whatever text is in it, a point that is not refused is read back, types included."""
    assume(point.rejection_reason() is None)
    measurement, tags, fields, time = parse(line(point))
    expected = _columns(point)
    assert (measurement, tags, fields, time) == (point.MEASUREMENT, *expected, point.time)
    assert [type(v) for v in fields.values()] == [type(v) for v in expected[1].values()]


@given(st.text(max_size=200))
def test_a_clean_name_is_never_refused(name: str) -> None:
    """What became a display name is a tag that every InfluxDB takes."""
    point = _event(name=clean(name) or "none")
    assert point.rejection_reason() is None
    assert parse(line(point))[1]["name"] == point.name


def _event(**values: Any) -> NetworkEvent:
    made = event_point(60, "home", Event(EventKind.UP, "f" * 64, "crn", "so"))
    return replace(made, **values)


def test_lines() -> None:
    """A body is a line per point, each with its line break; no points are no bytes."""
    points = [_event(name="Zürich"), _event(kind="down")]
    assert lines(points).decode() == "".join(f"{line(p)}\n" for p in points)
    assert lines([]) == b""


def test_a_row_at_hand() -> None:
    """A row that was made already is not made again."""
    point = _event(lasted_seconds=1.23456)
    assert line(point, point.row()) == line(point)


@pytest.fixture(scope="module", params=KINDS_1)
def influx(request: pytest.FixtureRequest) -> Iterator[Influx]:
    """A real InfluxDB with a database."""
    with running(request.param) as server:
        status, words = server.ask("/query", b"", q="CREATE DATABASE t")
        assert status == 200, words
        yield server


def _write(influx: Influx, body: bytes) -> None:
    assert influx.ask("/write", body, db="t", precision="s") == (204, "")


def _rows(influx: Influx, query: str) -> list[dict[str, Any]]:
    status, answer = influx.ask("/query", db="t", q=query, epoch="s")
    assert status == 200, answer
    (result,) = json.loads(answer)["results"]
    return [
        dict(zip(series["columns"], values, strict=True))
        for series in result.get("series", ())
        for values in series["values"]
    ]


_SECONDS: Final = count(1_000_000)


@given(
    name=st.text(min_size=1, max_size=60),
    text=_TEXTS,
    number=st.floats(-1e300, 1e300),
    since=st.integers(-(2**53), 2**53),
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_read_back_by_a_server(
    influx: Influx, name: str, text: str, number: float, since: int
) -> None:
    """A real server gives back text and numbers as they were, but for control characters."""
    point = _event(time=next(_SECONDS), name=name, text=text, lasted_seconds=number, since=since)
    assume(point.rejection_reason() is None)
    _write(influx, lines([point]))
    (row,) = _rows(influx, f"SELECT * FROM network_event WHERE time = {point.time}s")
    assert (row["name"], row["text"], row["since"]) == (name, without_controls(text), since)
    assert row["lasted_seconds"] == pytest.approx(number, rel=1e-12, abs=1e-4)


def test_whole_rounds_are_taken(influx: Influx) -> None:
    """Rounds with everything in them, well and blind, are taken by a real server in one write."""
    rounds = Rounds(nodes=tuple(node(i) for i in range(20)))
    rounds.play_round()
    rounds.time += 21_600
    judgements = [
        rounds.play_round(lambda order: good(order.node, working(), usage=usage(gpu()))),
        *rounds.play("BBBXGGUP"),
    ]
    points = [point for judged in judgements for point in points_of(judged, "home", "0")]
    assert [p.rejection_reason() for p in points if p.rejection_reason()] == []
    _write(influx, lines(points))
    (kept,) = _rows(influx, "SELECT count(weight) FROM crn_reachability")
    assert kept["count"] == sum(isinstance(p, CrnReachability) for p in points) == 20 * 9


def test_a_round_may_be_sent_twice(influx: Influx) -> None:
    """A write that is repeated changes nothing, since the time is the round's."""
    (judged,) = Rounds(time=1_700_000_040).play("G")
    body = lines(points_of(judged, "twice", "0"))
    _write(influx, body)
    _write(influx, body)
    query = "SELECT count(weight) FROM crn_reachability WHERE vantage = 'twice'"
    assert [row["count"] for row in _rows(influx, query)] == [1]


def test_a_float_stays_a_float(influx: Influx) -> None:
    """20 and 20.0 are one type on the server, whichever comes first."""
    _write(influx, lines([_event(time=1, lasted_seconds=20), _event(time=2, lasted_seconds=20.5)]))
    _write(influx, lines([_event(time=3, lasted_seconds=21)]))
    (types,) = [
        r
        for r in _rows(influx, "SHOW FIELD KEYS FROM network_event")
        if r["fieldKey"] == "lasted_seconds"
    ]
    assert types["fieldType"] == "float"
