"""Rounds of a fuzzed network: what was observed is judged and checked, and counted in figures."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bench.fuzz.answer import Answer
from bench.fuzz.check_round import check_healthy, check_lines, check_points
from bench.fuzz.check_visit import Finding, Kind, check_observation, check_unchanged
from bench.fuzz.fuzzed_network import HEALTHY, FuzzedNetwork, RoundPlayer
from collector.model.observation import Observation

_RESTART_ROUNDS: Final = 7
"""Every so many rounds the collector starts again from what a store would hold."""
_READ_ROUNDS: Final = 5
"""Every so many rounds all lines are read back."""


@dataclass(slots=True)
class Figures:
    """What a part of the run found. Times are processor time of one thread, in seconds."""

    answers: int = 0
    """Mutated ones that were asked for."""
    visits: int = 0
    findings: list[Finding] = field(default_factory=list)
    cpu_seconds: array[float] = field(default_factory=lambda: array("d"))
    """Of each visit in memory, everything of it included but what the node does."""
    worst_seconds: float = 0.0
    worst_visit: str = ""
    """Seed, round and number of the node whose visit took longest."""
    block_seconds: float = 0.0
    """The longest that the loop was held, garbage collection apart."""
    collection_seconds: float = 0.0
    """The longest collection of garbage meanwhile: that of the fuzzer and of the collector."""
    worst_block: str = ""
    """Of the node that held it, if that is known."""
    memory_growth_bytes: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    """Visits by their failure."""


class FuzzedRounds:
    """Plays the rounds of a network of fuzzed nodes, and of its few healthy nodes alone."""

    def __init__(self, seed: str, size: int, port: int = 443) -> None:
        """Begin with the first round. `size`: number of nodes."""
        self.seed = seed
        self.network = FuzzedNetwork(seed, size, port)
        self.figures = Figures()
        self.answering_seconds = 0.0
        """Processor time that making answers took: of the nodes, and not of the collector."""
        self._index_of = {node.hash: index for index, node in enumerate(self.network.nodes)}
        self._all = RoundPlayer(self.network.nodes)
        self._alone = RoundPlayer(self.network.nodes[:HEALTHY])

    def name_of(self, index: int) -> str:
        """Return how a node of this round is asked for again."""
        return f"{self.seed}/{self.network.round}/{index}"

    def answer(self, index: int, path: str) -> Answer:
        """Return what a node answers in this round, and count it if it is mutated."""
        started = time.thread_time()
        answer = self.network.answer(index, path)
        self.figures.answers += answer.is_mutated
        self.answering_seconds += time.thread_time() - started
        return answer

    def add(self, observation: Observation) -> None:
        """Check and count what one visit saw."""
        self.figures.visits += 1
        self.figures.failures[str(observation.failure)] += 1
        self.find(check_observation(observation))
        index = self._index_of[observation.node.hash]
        if self.network.healthy(index) is None:
            self.find(check_unchanged(observation, self.network.fuzzed(index)))

    def find(self, findings: Iterable[Finding]) -> None:
        """Record what is wrong, with the visit in which it was found."""
        for finding in findings:
            index = self._index_of.get(finding.node)
            visit = "" if index is None else self.name_of(index)
            self.figures.findings.append(replace(finding, visit=visit))

    def on_bug(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Record an error that the loop met in a callback."""
        words = f"{context.get('message')}: {context.get('exception')!r}"
        self.find([Finding(Kind.CRASH, "", words)])

    def end_round(self, observed: list[Observation]) -> None:
        """Judge and check a round by the observations of all nodes, in order; begin the next."""
        try:
            self._judge(observed)
        except Exception as error:
            self.find([Finding(Kind.CRASH, "", f"{self.name_of(0)}: {error!r}")])
        self.network.next_round()

    def _judge(self, observed: list[Observation]) -> None:
        played, alone = self._all.play(observed), self._alone.play(observed[:HEALTHY])
        self.find(check_points(played, self.network.nodes))
        for index, node in enumerate(self.network.nodes[:HEALTHY]):
            valid = self.network.healthy(index)
            if valid and (found := check_healthy(valid, alone, played, node.hash)):
                self.find([found])
        if self.network.round % _READ_ROUNDS == 0:
            self.find(check_lines(played))
        if self.network.round % _RESTART_ROUNDS == 0:
            self._restart()

    def _restart(self) -> None:
        restarted = self._all.restarted()
        if restarted.states.keys() != self._all.tracker.states.keys():
            self.find([Finding(Kind.CRASH, "", f"{self.name_of(0)}: a state is not read back")])
        self._all.tracker = restarted
