"""Text from strangers on every way out: terminal, pipe, JSON, log, error, points and events."""

from __future__ import annotations

import io
import json
import logging
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from collector.cli import main
from collector.cli.log import log_to_stderr
from collector.cli.output import Column, Result, print_json, print_line, print_result
from collector.directory.entry import WireNode
from collector.errors import CollectorError
from collector.schema.line_protocol import lines
from collector.schema.measurements import NetworkEvent
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader, StoreLimits
from collector.text import clean
from tests.support.hostile_text import HONEST, PAYLOADS
from tests.support.line_protocol import parse
from tests.support.rounds import START
from tests.support.sample_points import ALL, sample
from tests.support.terminal import Screen

FORMULA: Final = re.compile(r"[=+\-@\uff1d\"\t\r]")


def terminal(text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A table."""
    screen = Screen()
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("sys.stdout", screen)
    result = Result([Column("name"), Column("end")], [[text, "end"]], {}, title=text, note=text)
    print_result(result, as_json=False)
    return " ".join(screen.text.split("\n"))


def pipe(text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A line of one cell."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stdout", written)
    print_line([text])
    return written.getvalue().removesuffix("\n")


def as_json(text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A document."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stdout", written)
    print_json({"name": text})
    assert json.loads(written.getvalue()) == {"name": text}
    return written.getvalue().removesuffix("\n")


def logged(text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A message of the log."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    monkeypatch.setattr(root, "handlers", [])
    try:
        log_to_stderr("INFO")
        logging.getLogger("collector.test").warning("the node %s", text)
    finally:
        root.handlers[:] = kept
        root.setLevel(level)
    return written.getvalue().removesuffix("\n")


def error(text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An error that ends a command."""
    written = io.StringIO()

    def fail() -> None:
        raise CollectorError(text)

    monkeypatch.setattr("sys.stderr", written)
    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit):
        main.run_command()
    return written.getvalue().removesuffix("\n")


def point(text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A line of line protocol whose tag and text are the name of a listed node."""
    node = WireNode.model_construct(hash="ab" * 32, name=text).node(b"")
    event = NetworkEvent(
        time=60,
        vantage="v",
        node=node.hash,
        name=node.display_name,
        kind="down",
        text=f"{node.display_name} is down",
        failure=None,
        old=None,
        new=None,
        since=None,
        lasted_seconds=None,
    )
    return lines([event]).decode().removesuffix("\n")


WAYS: Final = (terminal, pipe, as_json, logged, error, point)
"""Every way out by which this program prints or sends text. One that is added is added here."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_no_way_out_lets_it_through(
    way: Callable[[str, pytest.MonkeyPatch], str], payload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays on its line and in its cell, and neither a terminal nor a spreadsheet obeys it."""
    printed = way(payload, monkeypatch)
    assert "\n" not in printed
    assert not [char for char in printed if unicodedata.category(char)[0] == "C"]
    assert not any(separator in printed for separator in "\u2028\u2029\x85")
    if way is pipe:
        assert not FORMULA.match(printed)
    if way is point:
        _check_point(printed)


def _check_point(line: str) -> None:
    """Check that a line is one point with the tags that were meant, and calls nobody in a chat."""
    (row,) = parse(line)
    assert (row.measurement, row.time) == ("network_event", 60)
    tags = dict(row.tags)
    assert tags.keys() == {"vantage", "node", "name", "kind"}
    assert row.fields == (("text", f"{tags['name']} is down"),)
    assert not set("<>@\\") & set(tags["name"])


@pytest.mark.parametrize("name", HONEST)
def test_honest_names_are_shown_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made harmless costs nobody the letters of a name."""
    assert name in terminal(name, monkeypatch)
    (row,) = parse(point(name, monkeypatch))
    assert dict(row.tags)["name"] == name


async def test_names_are_stored_as_they_are(tmp_path: Path) -> None:
    """The embedded store and its reader give back each name once, as itself."""
    names = sorted({clean(text) for text in (*PAYLOADS.values(), *HONEST)} - {""})
    async with await EmbeddedStore.open(tmp_path, ALL, 14.0, StoreLimits()) as store:
        points = [sample(START, name, note=name) for name in names]
        await store.commit(RoundRecord(START, points))
    with Reader(tmp_path) as reader:
        rows = reader.rows("SELECT host, note FROM sample ORDER BY host")
    assert [tuple(row.values()) for row in rows] == [(name, name) for name in names]


@pytest.mark.parametrize("number", ["-3", "+4", "-1.5", -3, -1.5])
def test_numbers_stay_numbers(number: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A negative number is no formula, typed or as text."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stdout", written)
    print_line([number])
    assert written.getvalue() == f"{number}\n"
