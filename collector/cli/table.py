"""A result as a table in a terminal. Importing it takes 3 MB, so only who prints a table does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.cli.output import Cell, Column, Result, printable
from collector.text import escaped

_READABLE: Final = 16
"""Characters to a line that text needs at least, where it is wrapped."""
_GAP: Final = 2
"""Between two columns of a table, and around it."""


def print_table(result: Result) -> None:
    """Print a result as wide as the terminal is."""
    console = Console()
    rows = [[_text(value) for value in row] for row in result.rows]
    shown = _fitting(result.columns, rows, console.width)
    table = Table(
        title=Text(escaped(result.title), style="table.title") if result.title else None,
        caption=Text(escaped(result.note), style="table.caption") if result.note else None,
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in (result.columns[index] for index in shown):
        table.add_column(
            column.heading, justify=column.align, no_wrap=not column.wrap, overflow="fold"
        )
    for row in rows:
        table.add_row(*(row[index] for index in shown))
    with console.capture() as capture:
        console.print(table)
    typer.echo(capture.get(), nl=False)


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Return the indexes of the columns that a terminal of this width has room for.

    Of those that may be left out the last go first.
    """
    needed = {
        index: _needed(column, [row[index] for row in rows]) + _GAP
        for index, column in enumerate(columns)
    }
    optional = [index for index, column in enumerate(columns) if not column.always]
    while optional and sum(needed.values()) > width:
        del needed[optional.pop()]
    return list(needed)


def _needed(column: Column, cells: Sequence[Text]) -> int:
    """Return the width of the widest cell; of text that may be wrapped, a readable part of it."""
    widest = max(len(column.heading), *(cell.cell_len for cell in cells), 0)
    return min(widest, _READABLE) if column.wrap else widest


def _text(value: object) -> Text:
    """Return text that is never read as markup."""
    if not isinstance(value, Cell):
        return Text(printable(value))
    shown = value.value if value.text is None else value.text
    return Text(printable(shown), style=value.style)
