"""What `bench/starved.py` measures of a round, and the table of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.starved_cases import Case
from collector.crawl.round import RoundResult
from collector.model.observation import Observation
from collector.schema.measurements import Collector


@dataclass(frozen=True, slots=True)
class Figures:
    """One round.

    blamed: healthy nodes with a failure that counts against them; judged: those, and the reachable
    ones; down: healthy nodes that were down after the round. silent_judged: silent nodes with a
    failure that counts against them. failures: of the healthy nodes; silent_failures: of the
    silent ones. cpu_seconds, late_seconds, worst_seconds: of the collector, and of its event loop
    in sum within 5 seconds and at once.
    """

    round: int
    healthy: int
    blamed: int
    judged: int
    down: int
    silent: int
    silent_judged: int
    round_seconds: float
    vantage_reason: str
    failures: dict[str, int]
    silent_failures: dict[str, int]
    cpu_seconds: float
    late_seconds: float
    worst_seconds: float

    def __str__(self) -> str:
        return (
            f"{self.blamed} blamed, {self.judged} of {self.healthy} judged, {self.vantage_reason}"
        )


@dataclass(frozen=True, slots=True)
class Run:
    """The figures of one round of one case."""

    case: Case
    figures: Figures

    def json(self) -> dict[str, Any]:
        """Return all figures in one flat object."""
        return {**asdict(self.case), **asdict(self.figures)}


def figures_of(
    number: int, done: RoundResult, expected: dict[str, bool], seconds: float, cpu: float
) -> Figures:
    """Return the figures of a round. `expected`: by hash, whether a node is reachable."""
    own = next(point for point in done.points if isinstance(point, Collector))
    statuses = {status.node.hash: status for status in done.judged.statuses}
    visits = {key: status.observation for key, status in statuses.items()}
    healthy = {key: visits[key] for key, reachable in expected.items() if reachable}
    silent = {key: visits[key] for key, reachable in expected.items() if not reachable}
    blamed = _blamed(healthy)
    return Figures(
        round=number,
        healthy=len(healthy),
        blamed=blamed,
        judged=blamed + sum(bool(visit and visit.reachable) for visit in healthy.values()),
        down=sum(statuses[key].up is False for key in healthy),
        silent=len(silent),
        silent_judged=_blamed(silent),
        round_seconds=round(seconds, 2),
        vantage_reason=str(done.judged.reason),
        failures=_failures(healthy),
        silent_failures=_failures(silent),
        cpu_seconds=round(cpu, 2),
        late_seconds=round(own.loop_late_seconds, 2),
        worst_seconds=round(own.loop_lag_seconds, 2),
    )


def _blamed(visits: dict[str, Observation | None]) -> int:
    return sum(bool(visit and visit.failure.counts_against_node) for visit in visits.values())


def _failures(visits: dict[str, Observation | None]) -> dict[str, int]:
    return dict(
        Counter(str(visit.failure) if visit else "not_visited" for visit in visits.values())
    )


def show(runs: Sequence[Run]) -> None:
    """Print a table."""
    table = Table(title="Whom a starved or slow collector blames")
    for heading in (
        *(
            "kind",
            "busy",
            "stopped s",
            "limits",
            "way",
            "round",
            "healthy",
            "blamed",
            "judged",
            "down",
        ),
        *("silent", "judged", "round s", "CPU s", "late s", "worst s", "vantage", "failures"),
    ):
        table.add_column(heading, justify="right")
    for run in runs:
        case, figures = run.case, run.figures
        table.add_row(
            case.kind,
            str(case),
            f"{figures.round}",
            f"{figures.healthy}",
            f"{figures.blamed}",
            f"{figures.judged}",
            f"{figures.down}",
            f"{figures.silent}",
            f"{figures.silent_judged}",
            f"{figures.round_seconds:.1f}",
            f"{figures.cpu_seconds:.2f}",
            f"{figures.late_seconds:.2f}",
            f"{figures.worst_seconds:.2f}",
            figures.vantage_reason,
            ", ".join(f"{name} {count}" for name, count in figures.failures.items()),
        )
    Console(width=170).print(table)
