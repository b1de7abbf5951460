"""One function prints every result: a table in a terminal, plain lines in a pipe, or JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from collector.cli.output import Cell, Column, Result, print_line, print_result, utc
from tests.support.command import clean_environment
from tests.support.terminal import run_in_terminal

ROOT = Path(__file__).parents[2]
RESULT = Result(
    columns=(Column("city"), Column("drops", "right"), Column("sky")),
    rows=[
        ["Delft", 7, Cell("clear_sky", "clear sky", "green")],
        ["Ghent [bold]", None, Cell("rain", style="red")],
    ],
    document={"weather": [{"city": "Delft", "drops": 7, "at": Path("somewhere")}]},
    title="Weather",
    note="2 cities",
)
SCRIPT = (
    "from tests.cli.test_output import RESULT; from collector.cli.output import print_result\n"
    "print_result(RESULT, as_json={as_json})"
)


def _in_terminal(as_json: bool, tmp_path: Path) -> str:
    words = [sys.executable, "-c", SCRIPT.format(as_json=as_json)]
    code, printed = run_in_terminal(words, ROOT, clean_environment(tmp_path))
    assert code == 0
    return printed


def test_terminal(tmp_path: Path) -> None:
    """A terminal gets a table with title and note, its text as people read it, never as markup."""
    lines = [line.strip() for line in _in_terminal(False, tmp_path).splitlines()]
    shown = [line.split("  ") for line in lines if line]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in shown]
    assert cells[0] == ["Weather"]
    assert cells[1] == ["city", "drops", "sky"]
    assert cells[3:] == [["Delft", "7", "clear sky"], ["Ghent [bold]", "rain"], ["2 cities"]]


def test_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets the names of the columns and exact values between tabs; the note goes aside."""
    print_result(RESULT, as_json=False)
    printed = capsys.readouterr()
    assert printed.out == "city\tdrops\tsky\nDelft\t7\tclear_sky\nGhent [bold]\t\train\n"
    assert printed.err == "2 cities\n"


def test_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """JSON is the document alone: on one line in a pipe, indented in a terminal."""
    print_result(RESULT, as_json=True)
    printed = capsys.readouterr()
    expected = {"weather": [{"city": "Delft", "drops": 7, "at": "somewhere"}]}
    assert json.loads(printed.out) == expected
    assert (printed.out.count("\n"), printed.err) == (1, "")
    shown = _in_terminal(True, tmp_path)
    assert json.loads(shown) == expected
    assert shown.count("\n") > 5


@pytest.mark.parametrize(
    ("hostile", "printed"),
    [
        pytest.param("a\tb\nc", "a\\tb\\nc", id="tab-and-line-break"),
        pytest.param("\x1b[2Jgone", "\\x1b[2Jgone", id="terminal-escape"),
        pytest.param("\u202eabc", "\\u202eabc", id="direction-override"),
        pytest.param("ünï cödé", "ünï cödé", id="printable"),
        pytest.param(None, "", id="none"),
    ],
)
def test_control_characters_are_escaped(
    hostile: object, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What strangers write cannot end a line, move a column or speak to the terminal."""
    print_line([hostile, 1])
    assert capsys.readouterr().out == f"{printed}\t1\n"


def test_times_are_utc() -> None:
    """A time is printed in UTC and says so; no time is nothing."""
    assert utc(1_795_456_440) == "2026-11-23 17:54:00Z"
    assert utc(1 << 62) == f"{1 << 62} s after 1970"
    assert utc(None) == ""
