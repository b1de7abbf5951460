"""What the collector concluded of a simulated network, held against what was really true there.

Without `--states`: the network runs in a process of its own, the collector dials it, and after each
round every cell is held against the script: reachable, failure, fault, version, IPv6, GPUs used.

With `--states`: a story of outages, flapping, troubles of our own, gaps, clock steps, stops and
`kill -9`, played without dialling on a real embedded store, and a smaller one that is really
dialled; up, down, faults and events are held against the documented rule, stated anew.

The last line is JSON; the exit code is 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.ground import storyline
from bench.ground.actor import DIARY, play_dialled, play_scripted
from bench.ground.dialled import INTERVAL, START, Limits, compare, shares
from bench.ground.diary import MARK, read
from bench.ground.matrix import Matrix
from bench.ground.reckoning import Reckoning
from bench.ground.storyline import Storyline
from collector.service.event_loop import run_async
from collector.store import Reader

_WRONG_SHOWN = 1000
_DIALLED_NODES = 40
_BAD = ("wrong", "false_transitions", "missed_transitions", "wrong_faults")


def main() -> int:
    """Run, print a table, then a line of JSON."""
    options = _options()
    logging.basicConfig(level=logging.CRITICAL if not options.verbose else logging.INFO)
    console = Console(width=None if sys.stdout.isatty() else 120)
    figures = _states(options, console) if options.states else _compare(options, console)
    print(json.dumps(figures))  # noqa: T201
    return 1 if any(figures[name] for name in _BAD if name in figures) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--states", action="store_true", help="hold up and down over many rounds")
    parser.add_argument("--dialled", type=int, default=40, help="with --states: rounds dialled too")
    parser.add_argument("--nodes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gate", type=int, default=1024, help="nodes looked at together at most")
    parser.add_argument("--hanging", type=float, default=0.0, help="share of nodes that hang")
    parser.add_argument("--faults", type=float, default=0.2, help="share with any other fault")
    parser.add_argument("--connect", type=float, default=2.5, help="connect timeout, seconds")
    parser.add_argument("--node", type=float, default=4.0, help="timeout of a node, seconds")
    parser.add_argument("--starts", type=float, default=250.0, help="looks begun per second")
    parser.add_argument("--verbose", action="store_true", help="show the collector's log")
    return parser.parse_args()


def _compare(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    limits = Limits(options.connect, options.node, starts=options.starts)
    console.print(
        f"{options.nodes} nodes, {options.rounds} rounds of {INTERVAL} simulated seconds, seed "
        f"{options.seed}, gate {options.gate}; limits: connect {limits.connect_seconds:g} s, node "
        f"{limits.node_seconds:g} s, diagnostic VM {limits.diagnostic_seconds:g} s, round "
        f"{limits.deadline_seconds:g} s; {limits.starts:g} looks begun per second at most",
        highlight=False,
    )
    times = [START + number * INTERVAL for number in range(options.rounds)]
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder, _progress(console) as progress:
        task = progress.add_task("rounds", total=options.rounds)

        def told(lasted: float, lag: float, wrong: int) -> None:
            seconds.append(lasted)
            progress.advance(task)
            if wrong or not console.is_terminal:
                progress.console.print(
                    f"round {len(seconds)}: {lasted:.1f} s, standstill {lag:.2f} s, "
                    f"{wrong} wrong so far",
                    highlight=False,
                )

        comparison = run_async(
            compare(
                options.nodes,
                times,
                options.seed,
                options.gate,
                shares(options.faults, options.hanging),
                limits,
                Path(folder),
                told,
            )
        )
    matrix = comparison.matrix
    _show(matrix, "Confusion: what had to be concluded, and what was", console)
    console.print(f"a round took {min(seconds):.1f} to {max(seconds):.1f} s", highlight=False)
    return {
        "nodes": options.nodes,
        "rounds": options.rounds,
        "cells": matrix.cells,
        "wrong": len(matrix.wrong),
    }


def _states(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    told = Storyline(options.nodes, options.rounds, options.seed)
    few = min(options.nodes, _DIALLED_NODES)
    figures: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        with _progress(console) as progress:
            task = progress.add_task("not dialled", total=options.rounds)
            played = play_scripted(
                told, Path(first), lambda number: progress.update(task, completed=number + 1)
            )
        console.print(
            f"not dialled: {options.nodes} nodes, {options.rounds} rounds of "
            f"{storyline.INTERVAL} s, seed {options.seed}; the collector was stopped "
            f"{played.stops} times and killed {played.kills} times",
            highlight=False,
        )
        figures.update(_reckon(told, Path(first), console))
        if options.dialled:
            dialled = Storyline(few, options.dialled, options.seed, dialled=True)
            with _progress(console) as progress:
                task = progress.add_task("dialled", total=options.dialled)
                played = run_async(
                    play_dialled(dialled, Path(second), lambda _: progress.advance(task))
                )
            console.print(
                f"dialled: {few} nodes, {options.dialled} rounds; the collector was restarted "
                f"{played.stops} times",
                highlight=False,
            )
            figures.update(_reckon(dialled, Path(second), console))
    return {"nodes": options.nodes, "rounds": options.rounds, **figures}


def _reckon(story: Storyline, folder: Path, console: Console) -> dict[str, int]:
    """Hold what was noted against the story, and what is stored against what was noted."""
    with Reader(folder) as reader:
        stored = reader.rows("SELECT time, node, kind FROM network_event")
        marks = reader.rows("SELECT value FROM state WHERE key = ?", (MARK,))
    pages = read(folder / DIARY, int(marks[0]["value"]))
    reckoning = Reckoning(story)
    for page in pages:
        reckoning.hold(page)
    reckoning.hold_store({(row["time"], row["node"], row["kind"]) for row in stored}, pages)
    _show(reckoning.matrix, f"{len(pages)} rounds were committed; what they had to say", console)
    counts = ", ".join(f"{kind} {n}" for kind, n in sorted(reckoning.transitions.items()))
    console.print(f"events that had to be announced: {counts}", highlight=False)
    return {
        "transitions": reckoning.transitions["down"] + reckoning.transitions["up"],
        "false_transitions": reckoning.false_transitions,
        "missed_transitions": reckoning.missed_transitions,
        "wrong_faults": reckoning.wrong_faults,
    }


def _show(matrix: Matrix, title: str, console: Console) -> None:
    console.print(matrix.table(title))
    for wrong in matrix.wrong[:_WRONG_SHOWN]:
        console.print(f"wrong: {wrong}", highlight=False, markup=False, soft_wrap=True)
    if len(matrix.wrong) > _WRONG_SHOWN:
        console.print(f"and {len(matrix.wrong) - _WRONG_SHOWN} more")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


if __name__ == "__main__":
    sys.exit(main())
