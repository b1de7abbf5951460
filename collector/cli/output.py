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

from collector.text import escaped

_FORMULA: Final = '=+-@\uff1d\uff0b\uff0d\uff20"'
"""How a formula begins in a spreadsheet, full-width forms included, and the double quote."""
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
        from collector.cli.table import print_table  # its library is for terminals only

        print_table(result)
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


def printable(value: object) -> str:
    """Return a value as text without control characters; empty for None."""
    return "" if value is None else escaped(str(value))


def _cell(value: object) -> str:
    """Return a value between two tabs; text that a spreadsheet would read as a formula is quoted.

    So is a double quote at the start, which would hide the formula behind it. Numbers stay numbers.
    """
    text = printable(value)
    is_formula = isinstance(value, str) and text[:1] in _FORMULA and not _NUMBER.fullmatch(text)
    return f"'{text}" if text and is_formula else text


def _json_value(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)
