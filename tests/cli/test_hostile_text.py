"""Text from strangers on every way out: terminal, pipe, JSON, log, error, points and events."""

from __future__ import annotations

import io
import json
import logging
import re
import unicodedata
from collections.abc import Callable
from typing import Final

import pytest

from collector.cli import main
from collector.cli.log import log_to_stderr
from collector.cli.output import Column, Result, print_json, print_line, print_result
from collector.directory.entry import WireNode
from collector.errors import CollectorError
from collector.schema.line_protocol import lines
from collector.schema.measurements import NetworkEvent
from tests.support.terminal import Screen

PAYLOADS: Final = {
    "clear-screen": "a\x1b[2Jb",
    "title": "\x1b]0;owned\x07b",
    "link": "\x1b]8;;https://evil.invalid\x1b\\click\x1b]8;;\x1b\\",
    "c1-escape": "a\x9b31mb",
    "carriage-return": "safe\rEVIL",
    "second-line": "a\nb",
    "forged-log-line": "a\n2026-01-01T00:00:00.000Z INFO all is well",
    "line-separator": "a\u2028b",
    "next-column": "a\tb",
    "nul": "a\x00b",
    "direction": "a\u202egnp.exe",
    "isolate": "\u2066a\u2069",
    "zero-width": "a\u200bb\u2060c\ufeff",
    "tag-characters": "a\U000e0041\U000e007f",
    "surrogate": "a\udcffb",
    "markup": "[bold red]a[/]",
    "formula": "=cmd|' /C calc'!A0",
    "formula-at": "@SUM(1)",
    "formula-plus": "+1+1",
    "formula-minus": "-1+1",
    "formula-after-tab": "\t=1+1",
    "formula-in-quotes": '"=1+1"',
    "formula-full-width": "\uff1d1+1",
    "line-protocol": 'a,node=b reachable=1i 1\nc,d=e f="g"',
    "backslash": "a\\",
}
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


@pytest.mark.parametrize("way", [terminal, pipe, as_json, logged, error, point])
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


@pytest.mark.parametrize("number", ["-3", "+4", "-1.5", -3, -1.5])
def test_numbers_stay_numbers(number: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A negative number is no formula, typed or as text."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stdout", written)
    print_line([number])
    assert written.getvalue() == f"{number}\n"
