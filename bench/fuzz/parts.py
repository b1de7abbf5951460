"""Parts of a run of the fuzzer, each in a process of its own."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.queues import Queue
from typing import Any, Final

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from bench.fuzz.parsing import parse_answers
from bench.fuzz.rounds import Figures, FuzzedRounds
from bench.fuzz.visits import visit_nodes

NODES: Final = 250
"""Of a round."""
_News = tuple[str, int]
"""How much more of a kind was done."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one process does."""

    seed: str
    number: int
    """Of mutated answers in memory, or of visits over TLS."""
    over_tls: bool
    until: float
    """When it ends, whatever is left, by the monotonic clock."""

    @property
    def kind(self) -> str:
        """What it counts, in words."""
        return "visits over TLS" if self.over_tls else "answers in memory"


def run_parts(parts: Sequence[Part], processes: int) -> list[Figures]:
    """Run the parts, so many at a time, with a progress bar; return the figures of each."""
    context = multiprocessing.get_context("spawn")
    news: Queue[_News] = context.Queue()
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=Console(stderr=True)) as bar,
        ProcessPoolExecutor(processes, context, _begin, (news,), max_tasks_per_child=1) as pool,
    ):
        totals: Counter[str] = Counter()
        for part in parts:
            totals[part.kind] += part.number
        tasks = {kind: bar.add_task(kind, total=total) for kind, total in totals.items()}
        results = [pool.submit(_work, part) for part in parts]
        while not all(result.done() for result in results):
            while not news.empty():
                kind, number = news.get()
                bar.advance(tasks[kind], number)
            time.sleep(0.2)
        return [result.result() for result in results]


_news: Queue[_News]


def _begin(news: Queue[_News]) -> None:
    global _news
    _news = news
    logging.getLogger("collector").setLevel(logging.CRITICAL)


def _work(part: Part) -> Figures:
    def on_progress(number: int) -> bool:
        _news.put((part.kind, number))
        return time.monotonic() < part.until

    if not part.over_tls:
        return uvloop.run(parse_answers(FuzzedRounds(part.seed, NODES), part.number, on_progress))
    # Half of the visits on each event loop: asyncio's own knows which visit held it.
    run: Callable[[Any], Figures] = asyncio.run if part.seed.endswith("1") else uvloop.run
    return run(visit_nodes(part.seed, NODES, part.number, on_progress))
