"""Throws mutated answers at the collector: at its parsing, and at real visits over TLS.

    python -m bench.fuzz [--answers 1000000] [--visits 20000] [--seed 1] [--minutes 14]

Every answer is made of a valid one of some firmware; seed, round and node determine every byte of
it. Each goes all the way: HTTP, JSON, contract, state, points, validation, line protocol. What is
wrong (a crash, a wrong type, a point that is not its node's own) is printed and saved with the
answers that led to it. Times are processor time of the thread, so that a busy machine adds nothing.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.fuzz.answer import VM, FuzzedNode
from bench.fuzz.check_visit import Finding, Kind
from bench.fuzz.parts import Part, run_parts
from bench.fuzz.rounds import Figures
from crn_simulator.script.endpoint import CONFIG, IPV6, USAGE

_SHOWN: Final = 20


def main() -> int:
    """Run everything, print a table, then a line of JSON; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--answers", type=int, default=1_000_000, help="mutated answers in memory")
    parser.add_argument("--visits", type=int, default=20_000, help="visits over TLS")
    parser.add_argument("--seed", default="1", help="another seed gives other answers")
    parser.add_argument("--minutes", type=float, default=600.0, help="end then, whatever is left")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--save", type=Path, default=Path("build/fuzz"), help="folder for answers")
    options = parser.parse_args()
    until = time.monotonic() + options.minutes * 60
    parts = [
        Part(f"{options.seed}.{number}", total // options.processes, over_tls, until)
        for over_tls, total in ((False, options.answers), (True, options.visits))
        if total
        for number in range(options.processes)
    ]
    done = run_parts(parts, options.processes)
    memory = [figures for part, figures in zip(parts, done, strict=True) if not part.over_tls]
    tls = [figures for part, figures in zip(parts, done, strict=True) if part.over_tls]
    findings = [finding for figures in done for finding in figures.findings]
    _show(parts, done, findings)
    _save(options.save, done, findings)
    summary = _summary(memory, tls, findings) | {"seed": options.seed}
    print(json.dumps(summary))  # noqa: T201
    return 1 if findings else 0


def _summary(
    memory: Sequence[Figures], tls: Sequence[Figures], findings: Sequence[Finding]
) -> dict[str, Any]:
    kinds = Counter(finding.kind for finding in findings)
    seconds = sorted(second for figures in memory for second in figures.cpu_seconds)
    return {
        "answers": sum(figures.answers for figures in memory),
        "visits": sum(figures.visits for figures in tls),
        "crashes": kinds[Kind.CRASH],
        "wrong_types": kinds[Kind.WRONG_TYPE],
        "foreign_points": kinds[Kind.FOREIGN_POINT],
        "p99_cpu_seconds": round(seconds[int(len(seconds) * 0.99)], 5) if seconds else 0.0,
        "max_cpu_seconds": round(seconds[-1], 5) if seconds else 0.0,
        "max_loop_block_seconds": round(max((f.block_seconds for f in tls), default=0.0), 5),
        "max_collection_seconds": round(max((f.collection_seconds for f in tls), default=0.0), 5),
        "memory_growth_bytes": max(f.memory_growth_bytes for f in (*memory, *tls)),
    }


def _show(parts: Sequence[Part], done: Sequence[Figures], findings: Sequence[Finding]) -> None:
    table = Table(title="Mutated answers")
    for heading in (
        "seed",
        "kind",
        "visits",
        "p99 ms",
        "max ms",
        "block ms",
        "garbage ms",
        "memory MB",
        "failures",
    ):
        table.add_column(heading, justify="right")
    for part, figures in zip(parts, done, strict=True):
        seconds = sorted(figures.cpu_seconds) or [0.0]
        table.add_row(
            part.seed,
            part.kind,
            f"{figures.visits:,}",
            f"{seconds[int(len(seconds) * 0.99)] * 1e3:.1f}",
            f"{seconds[-1] * 1e3:.1f}",
            f"{figures.block_seconds * 1e3:.1f}",
            f"{figures.collection_seconds * 1e3:.1f}",
            f"{figures.memory_growth_bytes / 1e6:.1f}",
            ", ".join(f"{name} {count:,}" for name, count in figures.failures.most_common()),
        )
    console = Console(width=150)
    console.print(table)
    for figures in done:
        console.print(f"longest visit: {figures.worst_visit or 'none'}", markup=False)
        console.print(f"longest block: {figures.worst_block or 'none'}", markup=False)
    for finding in findings[:_SHOWN]:
        console.print(f"{finding.kind} {finding.visit}: {finding.text[:500]}", markup=False)


def _save(folder: Path, done: Sequence[Figures], findings: Sequence[Finding]) -> None:
    """Write the answers of the visit that took longest, and of each with a finding."""
    folder.mkdir(parents=True, exist_ok=True)
    visits = {figures.worst_visit for figures in done} | {f.visit for f in findings[:_SHOWN]}
    for visit in visits - {""}:
        network, _, number = visit.rpartition("/")
        node = FuzzedNode(network, int(number))
        for path in (CONFIG, USAGE, IPV6, f"{VM}d2/ip/6"):
            name = f"{visit}{path}".replace("/", "_")
            (folder / name).write_bytes(node.answer(path).content)


if __name__ == "__main__":
    sys.exit(main())
