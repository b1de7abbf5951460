"""A confusion matrix: what was expected, what was found, and every cell in which they differ."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Wrong:
    """A cell in which what was found is not what was expected."""

    aspect: str
    node: str
    time: int
    expected: object
    found: object

    def __str__(self) -> str:
        """The cell on one line."""
        when = dt.datetime.fromtimestamp(self.time, dt.UTC)
        what = f"expected {self.expected}, found {self.found}"
        return f"{when:%Y-%m-%d %H:%M:%S} {self.node[:16]} {self.aspect}: {what}"


@dataclass(slots=True)
class Matrix:
    """Cells by aspect, such as `failure`, each held against what it must say."""

    wrong: list[Wrong] = field(default_factory=list)
    _cells: defaultdict[tuple[str, str], Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    @property
    def cells(self) -> int:
        """How many were held."""
        return sum(found.total() for found in self._cells.values())

    def hold(
        self,
        aspect: str,
        node: str,
        time: int,
        expected: object,
        found: object,
        kind: str | None = None,
    ) -> None:
        """Hold a cell. `kind` is the row of what has too many values for a row each."""
        right = found == expected
        row = str(expected) if kind is None else kind
        column = row if right else str(found) if kind is None else "otherwise"
        self._cells[aspect, row][column] += 1
        if not right:
            self.wrong.append(Wrong(aspect, node, time, expected, found))

    def table(self, title: str) -> Table:
        """For people: a row for everything that was expected, and what was found instead."""
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
        for aspect in dict.fromkeys(aspect for aspect, _ in self._cells):
            rows = [(row, found) for (a, row), found in self._cells.items() if a == aspect]
            yield aspect, sorted(rows, key=lambda pair: -pair[1].total())
