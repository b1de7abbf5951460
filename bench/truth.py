"""Checks what the collector finds in a simulated network against the truth.

Without `--states`: the network runs in a process of its own, the collector crawls it, and every
cell of every round is checked against the script: reachable, failure, fault, version, IPv6, GPUs.

With `--states`: a scenario of incidents, flapping, troubles of the collector, gaps, clock steps,
stops and `kill -9`. It runs without a network on a real embedded store, then a smaller one on real
sockets; up, down, faults and events are checked against the documented rule, implemented a second
time.

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

from bench.ground import scenario
from bench.ground.confusion_matrix import ConfusionMatrix
from bench.ground.live_rounds import (
    INTERVAL,
    CheckedRound,
    Limits,
    LiveRun,
    check_live_rounds,
    shares,
)
from bench.ground.round_log import STATE_KEY, read_log
from bench.ground.runner import LOG_FILE, run_live, run_scripted
from bench.ground.scenario import Scenario
from bench.ground.transition_check import TransitionCheck
from collector.service.event_loop import run_async
from collector.store import Reader

_SHOWN_MISMATCHES = 1000
_LIVE_NODES = 40
_ERROR_COUNTS = ("wrong", "false_transitions", "missed_transitions", "wrong_faults")


def main() -> int:
    """Run, print tables, then a line of JSON; return the exit code."""
    options = _options()
    logging.basicConfig(level=logging.CRITICAL if not options.verbose else logging.INFO)
    console = Console(width=None if sys.stdout.isatty() else 120)
    figures = _check_states(options, console) if options.states else _check_points(options, console)
    print(json.dumps(figures))  # noqa: T201
    return 1 if any(figures[name] for name in _ERROR_COUNTS if name in figures) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--states", action="store_true", help="check up and down over many rounds")
    parser.add_argument("--live", type=int, default=40, help="with --states: rounds on sockets too")
    parser.add_argument("--nodes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gate", type=int, default=1024, help="visits at the same time at most")
    parser.add_argument("--hanging", type=float, default=0.0, help="share of nodes that hang")
    parser.add_argument("--faults", type=float, default=0.2, help="share with any other fault")
    parser.add_argument("--connect", type=float, default=2.5, help="connect timeout, seconds")
    parser.add_argument("--node", type=float, default=4.0, help="timeout of a node, seconds")
    parser.add_argument("--starts", type=float, default=250.0, help="visits begun per second")
    parser.add_argument("--verbose", action="store_true", help="show the collector's log")
    return parser.parse_args()


def _check_points(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    limits = Limits(options.connect, options.node, starts_per_second=options.starts)
    console.print(
        f"{options.nodes} nodes, {options.rounds} rounds of {INTERVAL} simulated seconds, "
        f"seed {options.seed}, gate {options.gate}, at most {limits.starts_per_second:g} visits "
        f"begun a second; timeouts: connect {limits.connect_seconds:g} s, node "
        f"{limits.node_seconds:g} s, diagnostic VM {limits.diagnostic_seconds:g} s, round "
        f"{limits.deadline_seconds:g} s",
        highlight=False,
    )
    run = LiveRun(
        options.nodes,
        options.rounds,
        options.seed,
        options.gate,
        shares(options.faults, options.hanging),
        limits,
    )
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder, _progress(console) as progress:
        task = progress.add_task("rounds", total=options.rounds)

        def on_round(checked: CheckedRound) -> None:
            seconds.append(checked.seconds)
            progress.advance(task)
            if checked.mismatches or not console.is_terminal:
                progress.console.print(
                    f"round {len(seconds)}: {checked.seconds:.1f} s, late "
                    f"{checked.lag_seconds:.2f} s, {checked.mismatches} wrong so far",
                    highlight=False,
                )

        matrix = run_async(check_live_rounds(run, Path(folder), on_round))
    _print_matrix(matrix, "Confusion matrix: expected and found", console)
    console.print(f"a round took {min(seconds):.1f} to {max(seconds):.1f} s", highlight=False)
    return {
        "nodes": options.nodes,
        "rounds": options.rounds,
        "cells": matrix.cells,
        "wrong": len(matrix.mismatches),
    }


def _check_states(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    scripted = Scenario(options.nodes, options.rounds, options.seed)
    few = min(options.nodes, _LIVE_NODES)
    figures: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        with _progress(console) as progress:
            task = progress.add_task("scripted", total=options.rounds)
            summary = run_scripted(
                scripted, Path(first), lambda number: progress.update(task, completed=number + 1)
            )
        console.print(
            f"scripted: {options.nodes} nodes, {options.rounds} rounds of "
            f"{scenario.INTERVAL} s, seed {options.seed}; the collector was stopped "
            f"{summary.stops} times and killed {summary.kills} times",
            highlight=False,
        )
        figures.update(_check_log(scripted, Path(first), console))
        if options.live:
            live = Scenario(few, options.live, options.seed, is_live=True)
            with _progress(console) as progress:
                task = progress.add_task("live", total=options.live)
                summary = run_async(run_live(live, Path(second), lambda _: progress.advance(task)))
            console.print(
                f"live: {few} nodes, {options.live} rounds; the collector was restarted "
                f"{summary.stops} times",
                highlight=False,
            )
            figures.update(_check_log(live, Path(second), console))
    return {"nodes": options.nodes, "rounds": options.rounds, **figures}


def _check_log(played: Scenario, folder: Path, console: Console) -> dict[str, int]:
    """Check what was logged against the scenario, and what is stored against what was logged."""
    with Reader(folder) as reader:
        stored = reader.rows("SELECT time, node, kind FROM network_event")
        marks = reader.rows("SELECT value FROM state WHERE key = ?", (STATE_KEY,))
    entries = read_log(folder / LOG_FILE, int(marks[0]["value"]))
    check = TransitionCheck(played)
    for entry in entries:
        check.check(entry)
    check.check_store({(row["time"], row["node"], row["kind"]) for row in stored}, entries)
    _print_matrix(check.matrix, f"{len(entries)} committed rounds: expected and found", console)
    counts = ", ".join(f"{kind} {n}" for kind, n in sorted(check.transitions.items()))
    console.print(f"expected events: {counts}", highlight=False)
    return {
        "transitions": check.transitions["down"] + check.transitions["up"],
        "false_transitions": check.false_transitions,
        "missed_transitions": check.missed_transitions,
        "wrong_faults": check.wrong_faults,
    }


def _print_matrix(matrix: ConfusionMatrix, title: str, console: Console) -> None:
    console.print(matrix.table(title))
    for cell in matrix.mismatches[:_SHOWN_MISMATCHES]:
        console.print(f"wrong: {cell}", highlight=False, markup=False, soft_wrap=True)
    if len(matrix.mismatches) > _SHOWN_MISMATCHES:
        console.print(f"and {len(matrix.mismatches) - _SHOWN_MISMATCHES} more")


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
