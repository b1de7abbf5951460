"""Tables in terminals of every width: fewer columns, never less than a name and a cause."""

from __future__ import annotations

from typing import Final

import pytest
from rich.cells import cell_len

from collector.cli import check_config, crawl, events, nodes, probe, spool
from collector.cli.output import Column, Result, print_result
from tests.support.terminal import Screen

WIDTHS: Final = (20, 40, 60, 80, 100, 120, 200)
NAMES: Final = {
    "short": "crn",
    "words": "a node with many words in its name",
    "long": "x" * 64,
    "wide": "日本語の計算ノード東京第一データセンター",
    "emoji": "🦀🦀🦀 crab 🦀",
}
TABLES: Final = {
    "nodes": (nodes._COLUMNS, {"name", "failure"}),
    "events": (events._COLUMNS, {"text"}),
    "probe": (probe._COLUMNS, {"step", "result", "detail"}),
    "crawl": (crawl._COLUMNS, {"nodes", "result"}),
    "check-config": (check_config._COLUMNS, {"setting", "value"}),
    "spool ls": (spool._ROUNDS, {"time"}),
    "spool rejected": (spool._LINES, {"reason", "line"}),
}


def table_of(
    columns: tuple[Column, ...], cells: list[str], width: int, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The lines of a table of one row in a terminal of this width."""
    screen = Screen()
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr("sys.stdout", screen)
    print_result(Result(columns, [cells], {}), as_json=False)
    return screen.text.splitlines()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize(("columns", "always"), TABLES.values(), ids=TABLES.keys())
def test_a_table_fits_and_keeps_what_matters(
    columns: tuple[Column, ...],
    always: set[str],
    name: str,
    width: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No line is wider than the terminal; the columns that matter are there in full."""
    assert {column.heading for column in columns if column.always} == always
    cells = [name if column.wrap else "0123456789" for column in columns]
    lines = table_of(columns, cells, width, monkeypatch)
    assert max(map(cell_len, lines)) <= width
    if width >= 40:
        headings = lines[1]
        assert all(heading in headings for heading in always)
        printed = "".join("".join(lines).split())
        assert printed.count(name[:1]) >= len(always & {c.heading for c in columns if c.wrap})


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_column_is_one_word_wide(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that is wrapped keeps a readable part of its line."""
    name, failure = "x" * 64, "y" * 64
    cells = [{"name": name, "failure": failure}.get(c.heading, "z" * 8) for c in nodes._COLUMNS]
    lines = table_of(nodes._COLUMNS, cells, width, monkeypatch)
    assert any("x" * 16 in line and "y" * 16 in line for line in lines)


def test_columns_that_are_left_out_are_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wider the terminal, the more columns, in their order."""
    cells = ["x" * 8 for _ in nodes._COLUMNS]
    shown = []
    for width in WIDTHS:
        headings = table_of(nodes._COLUMNS, cells, width, monkeypatch)[1]
        shown.append([c.heading for c in nodes._COLUMNS if c.heading in headings.split("  ")])
    assert [len(headings) for headings in shown] == sorted(len(headings) for headings in shown)
    assert len(shown[-1]) >= len(nodes._COLUMNS) - 1
