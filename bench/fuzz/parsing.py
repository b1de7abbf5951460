"""Gives mutated answers to the collector in memory, one visit after another."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from typing import Final

from bench.fuzz.check_visit import Finding, Kind
from bench.fuzz.fuzzed_network import number_of
from bench.fuzz.memory import open_prober
from bench.fuzz.rounds import Figures, FuzzedRounds
from bench.usage import memory_growth
from collector.model.node import Node
from collector.model.observation import Observation
from collector.probe.prober import Prober

_WARM_UP: Final = 0.25
"""Part of the answers after which memory is measured: caches are full by then."""


async def parse_answers(
    rounds: FuzzedRounds, answers: int, on_progress: Callable[[int], bool]
) -> Figures:
    """Play rounds until so many mutated answers were read, or `on_progress` returns False.

    One visit is made after another, and garbage is collected between rounds only, so that the
    processor time of a visit is its own.
    """
    figures = rounds.figures
    asyncio.get_running_loop().set_exception_handler(rounds.on_bug)
    growth_bytes: Callable[[], int] | None = None
    async with open_prober(rounds.answer) as prober:
        while figures.answers < answers:
            before = figures.answers
            gc.disable()
            observed = [await _visit(rounds, prober, node) for node in rounds.network.nodes]
            gc.enable()
            rounds.end_round(observed)
            gc.collect()
            if growth_bytes is None and figures.answers >= _WARM_UP * answers:
                growth_bytes = memory_growth()
            if not on_progress(figures.answers - before):
                break
    figures.memory_growth_bytes = growth_bytes() if growth_bytes else 0
    return figures


async def _visit(rounds: FuzzedRounds, prober: Prober, node: Node) -> Observation:
    index, figures = number_of(node.host), rounds.figures
    visit = prober.visit(node, rounds.network.ipv6_check(index))
    started = time.thread_time() - rounds.answering_seconds
    try:
        await visit.run()
    except Exception as error:
        rounds.find([Finding(Kind.CRASH, node.hash, f"{error!r}")])
    spent = time.thread_time() - rounds.answering_seconds - started
    figures.cpu_seconds.append(spent)
    if spent > figures.worst_seconds:
        figures.worst_seconds, figures.worst_visit = spent, rounds.name_of(index)
    observation = visit.observation()
    rounds.add(observation)
    return observation
