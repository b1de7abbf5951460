"""A confusion matrix: expected and found values by aspect, and every cell in which they differ."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Cell:
    """One checked value. node: hash, or `(none)`. time: of the round, seconds since the epoch."""

    aspect: str
    node: str
    time: int
    expected: object
    found: object

    def __str__(self) -> str:
        """Return the cell on one line."""
        time = dt.datetime.fromtimestamp(self.time, dt.UTC)
        values = f"expected {self.expected}, found {self.found}"
        return f"{time:%Y-%m-%d %H:%M:%S} {self.node[:16]} {self.aspect}: {values}"


@dataclass(slots=True)
class ConfusionMatrix:
    """Counts cells by aspect, such as `failure`, and keeps those that are wrong."""

    mismatches: list[Cell] = field(default_factory=list)
    _counts: defaultdict[tuple[str, str], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    @property
    def cells(self) -> int:
        """The number of checked cells."""
        return sum(found.total() for found in self._counts.values())

    def check(self, cell: Cell, row: str | None = None) -> bool:
        """Count a cell, and return whether it is as expected.

        row: the row of the table for aspects with too many values for a row each; the expected
            value if None.
        """
        is_right = cell.found == cell.expected
        label = str(cell.expected) if row is None else row
        column = label if is_right else str(cell.found) if row is None else "otherwise"
        self._counts[cell.aspect, label][column] += 1
        if not is_right:
            self.mismatches.append(cell)
        return is_right

    def table(self, title: str) -> Table:
        """Return a table with a row for each expected value, and what was found instead."""
        table = Table(title=title, title_justify="left")
        for name in ("aspect", "expected"):
            table.add_column(name)
        for name in ("cells", "right", "wrong"):
            table.add_column(name, justify="right")
        table.add_column("found instead")
        for aspect, rows in self._aspects():
            for row, found in rows:
                others = {column: n for column, n in sorted(found.items()) if column != row}
                instead = ", ".join(f"{column} {n}" for column, n in others.items())
                counts = (found.total(), found[row], sum(others.values()))
                table.add_row(aspect, row, *(f"{n:,}" for n in counts), instead)
            table.add_section()
        return table

    def _aspects(self) -> Iterator[tuple[str, list[tuple[str, Counter[str]]]]]:
        for aspect in dict.fromkeys(aspect for aspect, _ in self._counts):
            rows = [(row, found) for (a, row), found in self._counts.items() if a == aspect]
            yield aspect, sorted(rows, key=lambda pair: -pair[1].total())
