"""The results as tables: for a terminal, and for docs/performance.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.table import Table

from bench.clients.client import LIMIT_SECONDS, Who
from bench.clients.results import Case, Result

BEGIN: Final = (
    "<!-- Written by `python -m bench.peers --write`; do not edit up to the next comment. -->"
)
END: Final = "<!-- From here on written by hand. -->"
_ABSENT: Final = "-"

Results = Sequence[Result]


def ratios_to(base: Who, results: Results) -> Mapping[tuple[Case, str], float]:
    """Return each client's processor time over that of another one in the same case."""
    times = {r.case: r.cpu_ms_per_node for r in results if r.who == base}
    return {(r.case, r.who): r.cpu_ms_per_node / times[r.case] for r in results if r.case in times}


def terminal_table(results: Results) -> Table:
    """Return all results, a row for each client and case."""
    table = Table(title="The same fleet, by each client")
    for heading in ("nodes", "case", "client"):
        table.add_column(heading)
    for heading in (
        *("CPU ms/node", "times aiohttp", "peak MB", "descriptors", "round s", "false failures"),
        *("unjudged", "answers lost", "network's CPU", "waited"),
    ):
        table.add_column(heading, justify="right")
    ratios = ratios_to(Who.AIOHTTP, results)
    for number, result in enumerate(results):
        following = results[number + 1 : number + 2]
        ratio = ratios.get((result.case, result.who))
        table.add_row(
            *(f"{result.nodes:,}", result.case.title, result.who),
            *(f"{result.cpu_ms_per_node:.2f}", f"{ratio:.2f}" if ratio else _ABSENT),
            *(f"{result.max_rss_bytes / 1e6:.0f}", f"{result.max_fds:,}", _seconds(result)),
            *(f"{result.false_failures:,}", f"{result.unjudged:,}", f"{result.lost_answers:,}"),
            *(f"{result.network_ratio:.0%}", f"{result.waited_ratio:.0%}"),
            end_section=bool(following) and following[0].case != result.case,
        )
    return table


def markdown(results: Results) -> str:
    """Return a table for each number of nodes, whose cells have the cases one after another."""
    sizes = [_size(results, nodes) for nodes in sorted({r.nodes for r in results})]
    return "\n".join([*sizes, _goals(results)])


def write_page(page: Path, results: Results) -> None:
    """Write the tables into a page, between its two comments; raise SystemExit if it has none."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} lacks the comments between which the tables stand")
    page.write_text(f"{before}{begin}\n\n{markdown(results)}\n{end}{after}", encoding="utf-8")


def _size(results: Results, nodes: int) -> str:
    chosen = [result for result in results if result.nodes == nodes]
    cases = list(dict.fromkeys(result.case for result in chosen))
    by_client = {(result.who, result.case): result for result in chosen}
    ratios = ratios_to(Who.AIOHTTP, results)
    columns: Mapping[str, Callable[[Result], str]] = {
        "CPU ms per node": lambda r: f"{r.cpu_ms_per_node:.2f}",
        "times aiohttp": lambda r: (
            f"{ratios[r.case, r.who]:.2f}" if (r.case, r.who) in ratios else _ABSENT
        ),
        "peak MB": lambda r: f"{r.max_rss_bytes / 1e6:.0f}",
        "round s": _seconds,
        "false failures": _failures,
        "answers lost": lambda r: f"{r.lost_answers:,}",
    }
    titles = " / ".join(case.title for case in cases)
    spread = max(result.spread_seconds for result in chosen)
    lines = [
        f"**{nodes:,} nodes** ({titles}), spread over {spread:.0f} s:\n",
        "| client | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for who in dict.fromkeys(result.who for result in chosen):
        row = [by_client.get((who, case)) for case in cases]
        cells = [
            " / ".join(cell(result) if result else _ABSENT for result in row)
            for cell in columns.values()
        ]
        lines.append(f"| `{who}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _goals(results: Results) -> str:
    """Return which goals the collector met, in whichever case it did worst."""
    failures = [r.false_failures for r in results if r.who == Who.COLLECTOR]
    rows = [
        "| goal, in every case | met |",
        "|---|---|",
        _ratio_goal(results, Who.AIOHTTP, 1.25),
        _ratio_goal(results, Who.BLACKBOX, 0.5),
        f"| not one false failure | {_yes(not any(failures))}, {sum(failures):,} |",
    ]
    return "\n".join(rows) + "\n"


def _ratio_goal(results: Results, base: Who, limit: float) -> str:
    ratios = [ratio for (_, who), ratio in ratios_to(base, results).items() if who == Who.COLLECTOR]
    found = _ABSENT
    if ratios:
        found = f"{_yes(max(ratios) <= limit)}, {min(ratios):.2f} to {max(ratios):.2f} times"
    return f"| processor time at most {limit} times that of `{base}` | {found} |"


def _yes(met: bool) -> str:
    return "yes" if met else "**no**"


def _failures(result: Result) -> str:
    unjudged = f" ({result.unjudged:,} unjudged)" if result.unjudged else ""
    return f"{result.false_failures:,}{unjudged}"


def _seconds(result: Result) -> str:
    is_cut = result.round_seconds >= LIMIT_SECONDS
    return f"> {LIMIT_SECONDS:.0f}" if is_cut else f"{result.round_seconds:.1f}"
