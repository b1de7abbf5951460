"""The results of all clients: kept in a file, and combined."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.clients.client import Who
from bench.clients.figures import Figures


@dataclass(frozen=True, slots=True)
class Case:
    """What is crawled: how many nodes, how many of them hang, and who shares the processor.

    hanging_ratio: share of the nodes, half of which never accept and half never finish an answer.
    busy: number of loops that share the client's processor.
    """

    nodes: int
    hanging_ratio: float
    busy: int

    @property
    def title(self) -> str:
        """The case in words, without the number of nodes."""
        if self.busy:
            return f"{self.busy} busy loop{'s' * (self.busy > 1)}"
        return f"{self.hanging_ratio:.0%} hanging" if self.hanging_ratio else "healthy"


@dataclass(frozen=True, slots=True)
class Result:
    """One client in one case.

    spread_seconds: within which visits were begun by the clients that spread them.
    network_ratio: how much of its processor the network used meanwhile; near 1, it was the
    network that took the time.
    waited_ratio: share of the round in which the client waited for its processor. In a case without
    busy loops it should be near 0, or the machine had other work to do.
    """

    who: str
    nodes: int
    hanging_ratio: float
    busy: int
    cpu_ms_per_node: float
    max_rss_bytes: int
    round_seconds: float
    false_failures: int
    unjudged: int
    lost_answers: int
    max_fds: int
    spread_seconds: float
    network_ratio: float
    waited_ratio: float

    @property
    def case(self) -> Case:
        """What was crawled."""
        return Case(self.nodes, self.hanging_ratio, self.busy)

    @classmethod
    def of(
        cls, who: Who, case: Case, figures: Figures, spread_seconds: float, network_ratio: float
    ) -> Result:
        """Return the result that a client's figures give."""
        mistakes, seconds = figures.mistakes, figures.ended - figures.began
        return cls(
            who=str(who),
            nodes=case.nodes,
            hanging_ratio=case.hanging_ratio,
            busy=case.busy,
            cpu_ms_per_node=round(figures.cpu_ms_per_node, 4),
            max_rss_bytes=figures.max_rss_bytes,
            round_seconds=round(seconds, 2),
            false_failures=mistakes.false_failures,
            unjudged=mistakes.unjudged,
            lost_answers=mistakes.lost_answers,
            max_fds=figures.max_fds,
            spread_seconds=spread_seconds,
            network_ratio=round(network_ratio, 3),
            waited_ratio=round(figures.waited_seconds / seconds, 3),
        )


class ResultsFile:
    """Keeps every result in a file, a line of JSON each, so that a run can be continued."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._results: list[Result] = []
        if path and path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            self._results = [Result(**json.loads(line)) for line in lines]

    def add(self, result: Result) -> None:
        """Keep a result."""
        self._results.append(result)
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(result)) + "\n")

    def count(self, who: Who, case: Case) -> int:
        """Return how often a client was measured in a case."""
        return sum(result.who == who and result.case == case for result in self._results)

    def combined(self) -> list[Result]:
        """Return one result per client and case, ordered by case.

        Of several times and memories it has the median; of mistakes and descriptors, the most.
        """
        grouped: dict[tuple[Case, str], list[Result]] = {}
        for result in self._results:
            grouped.setdefault((result.case, result.who), []).append(result)
        order = list(Who)
        combined = map(_combine, grouped.values())
        return sorted(
            combined,
            key=lambda r: (r.nodes, r.busy, r.hanging_ratio, order.index(Who(r.who))),
        )


def _combine(results: Sequence[Result]) -> Result:
    return replace(
        results[0],
        cpu_ms_per_node=statistics.median(r.cpu_ms_per_node for r in results),
        max_rss_bytes=round(statistics.median(r.max_rss_bytes for r in results)),
        round_seconds=statistics.median(r.round_seconds for r in results),
        false_failures=max(r.false_failures for r in results),
        unjudged=max(r.unjudged for r in results),
        lost_answers=max(r.lost_answers for r in results),
        max_fds=max(r.max_fds for r in results),
        network_ratio=max(r.network_ratio for r in results),
        waited_ratio=max(r.waited_ratio for r in results),
    )
