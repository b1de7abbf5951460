"""The generated parts of hand-written pages: the schema's tables, and the table of failures.

A part stands between two comments of the page; what is around it is written by hand.
"""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path

from collector.errors import Exit
from collector.model.failure import Failure
from collector.schema.column import Column, ColumnKind, Point
from collector.schema.measurements import MEASUREMENTS
from crn_simulator.script.fault_effect import FAULT_EFFECTS

HERE = Path(__file__).parent
_BEGIN = "<!-- Written by `make docs` from the code; do not edit up to the next comment. -->"
_END = "<!-- From here on written by hand. -->"


def schema_page() -> str:
    """`schema.md` with its tables in step with `collector/schema/measurements.py`."""
    return _filled("schema.md", "\n".join(map(_measurement, MEASUREMENTS)))


def state_page() -> str:
    """Return `state.md` with its tables of failures in step with `collector/model/failure.py`."""
    rules = [
        f"| `{failure}` | {failure.title} | `{failure.fault}` "
        f"| {_yes(failure.counts_against_node)} | {_yes(failure.is_masked_when_blind)} "
        f"| {_yes(failure.is_masked_when_starved)} | {_yes(failure.is_slow)} |"
        for failure in Failure
    ]
    texts = [f"| `{failure}` | {failure.meaning} | {failure.cure} |" for failure in Failure]
    lines = [
        "| failure | title | fault | counts against the node | masked while blind "
        "| masked while starved | slow |",
        "|---|---|---|---|---|---|---|",
        *rules,
        "",
        "| failure | what happened | what to do |",
        "|---|---|---|",
        *texts,
        "",
    ]
    return _filled("state.md", "\n".join(lines))


def operation_page() -> str:
    """Return `operation.md` with its exit codes in step with `collector/errors.py`."""
    rows = [f"| {code.value} | {code.meaning} |" for code in Exit]
    return _filled("operation.md", "\n".join(["| code | meaning |", "|---|---|", *rows, ""]))


def simulate_page() -> str:
    """`simulate.md` with its faults in step with `crn_simulator/script/fault_effect.py`."""
    rows = [
        f"| `{fault}` | {effect.phase} | `{effect.probe_failure}` | `{effect.failure}` | "
        f"{_yes(effect.reachable)} | {_yes(effect.ends_visit)} |"
        for fault, effect in FAULT_EFFECTS.items()
    ]
    head = "| fault | shows in | failure of a probe | of the node | reachable | ends the visit |"
    return _filled("simulate.md", "\n".join([head, "|---|---|---|---|---|---|", *rows, ""]))


def _filled(name: str, part: str) -> str:
    text = (HERE / name).read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise SystemExit(f"docs/{name} lacks the comments between which its tables stand")
    return f"{before}{begin}\n\n{part}\n{end}{after}"


def _measurement(measurement: type[Point]) -> str:
    hints = typing.get_type_hints(measurement)
    columns = measurement.columns()
    parts = [
        f"### `{measurement.MEASUREMENT}`\n",
        f"{_first_line(measurement)}\n",
        "| column | type | absent | meaning |",
        "|---|---|---|---|",
        *(
            f"| `{c.name}` | {_type(c, hints[c.name])} | {_absent(c, hints)} | {c.doc} |"
            for c in columns
        ),
        "",
    ]
    return "\n".join(parts)


def _first_line(measurement: type[Point]) -> str:
    return re.sub(r"\s+", " ", measurement.__doc__ or "").strip()


def _type(column: Column, hint: object) -> str:
    if column.kind is ColumnKind.INTEGER and bool in _members(hint):
        return "integer, 0 or 1"
    if column.digits is not None:
        return f"float, {column.digits} decimals"
    return column.kind.value


def _absent(column: Column, hints: dict[str, object]) -> str:
    return "may be" if types.NoneType in _members(hints[column.name]) else "never"


def _members(hint: object) -> tuple[object, ...]:
    return typing.get_args(hint) or (hint,)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
