"""How every command prints its result: a table in a terminal, plain lines in a pipe, or JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from collector.text import escaped

_FORMULA: Final = '=+-@\uff1d\uff0b\uff0d\uff20"'
"""How a formula begins in a spreadsheet, full-width forms included, and the double quote."""
_READABLE: Final = 16
"""Characters to a line that text needs at least, where it is wrapped."""
_GAP: Final = 2
"""Between two columns of a table, and around it."""
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result."""

    heading: str
    align: Literal["left", "right"] = "left"
    wrap: bool = True
    """Whether its text may be broken over several lines in a narrow terminal."""
    always: bool = False
    """Whether it is shown in the narrowest terminal too; of the others, the last go first."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value that is shown in another way than it is."""

    value: object
    """What a pipe gets."""
    text: str | None = None
    """What a terminal shows; None shows the value."""
    style: str = ""
    """Colour in a terminal."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command found, in every form in which it can be printed."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[object]]
    """Values or `Cell`s in the order of the columns; None is printed as nothing."""
    document: object
    """The same for scripts: what `--json` prints."""
    title: str = ""
    note: str = ""
    """One line about the whole: below the table in a terminal, else on the standard error."""


def print_result(result: Result, *, as_json: bool) -> None:
    """Print a result: JSON if asked for, a table in a terminal, tab-separated lines in a pipe.

    The first line of a pipe names the columns. Control characters are escaped in both, since names
    and error texts come from strangers; in a pipe, text that begins like a formula gets an
    apostrophe.
    """
    if as_json:
        print_json(result.document)
    elif sys.stdout.isatty():
        _print_table(result)
    else:
        print_line([column.heading for column in result.columns])
        for row in result.rows:
            print_line(row)
        if result.note:
            typer.echo(result.note, err=True)


def print_line(values: Sequence[object]) -> None:
    """Print one row as a tab-separated line."""
    plain = (value.value if isinstance(value, Cell) else value for value in values)
    typer.echo("\t".join(map(_cell, plain)))


def print_json(document: object) -> None:
    """Print a document as JSON: indented in a terminal, on one line in a pipe."""
    indent = 2 if sys.stdout.isatty() else None
    typer.echo(json.dumps(document, indent=indent, default=_json_value))


def print_bytes(chunks: Iterable[bytes]) -> int:
    """Print bytes as they are. Return how many."""
    count = 0
    for chunk in chunks:
        typer.echo(chunk, nl=False)
        count += len(chunk)
    return count


def utc(time: float | None) -> str:
    """Return a time in seconds since 1970 as text in UTC; empty for None."""
    if time is None:
        return ""
    try:
        return f"{dt.datetime.fromtimestamp(time, dt.UTC):%Y-%m-%d %H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):  # no year that a calendar has
        return f"{time:.0f} s after 1970"


def _print_table(result: Result) -> None:
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
        return Text(_printable(value))
    shown = value.value if value.text is None else value.text
    return Text(_printable(shown), style=value.style)


def _printable(value: object) -> str:
    return "" if value is None else escaped(str(value))


def _cell(value: object) -> str:
    """Return a value between two tabs; text that a spreadsheet would read as a formula is quoted.

    So is a double quote at the start, which would hide the formula behind it. Numbers stay numbers.
    """
    text = _printable(value)
    is_formula = isinstance(value, str) and text[:1] in _FORMULA and not _NUMBER.fullmatch(text)
    return f"'{text}" if text and is_formula else text


def _json_value(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)
