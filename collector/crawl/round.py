"""What a round is asked for and what it returns."""

from __future__ import annotations

from dataclasses import dataclass

from collector.crawl.round_points import RoundPoints
from collector.model.status import JudgedRound
from collector.model.store_report import Receipt
from collector.model.vantage import ControlResult


@dataclass(frozen=True, slots=True)
class RoundTiming:
    """When the visits of a round begin and end, in seconds after its start."""

    spread_seconds: float
    """Window over which they are spread, by a stable fraction of each node; 0 as fast as may be."""
    deadline_seconds: float
    """When the round ends, whatever is unfinished."""
    starts_per_second: float = 250.0
    """Visits begun where they are not spread: more handshakes at once than a slow machine can do
    would time out through no fault of the nodes."""


@dataclass(frozen=True, slots=True)
class RoundRequest:
    """One round to crawl."""

    time: int
    """The scheduled time (epoch seconds), which every point of the round carries."""
    timing: RoundTiming
    skipped: int = 0
    """Rounds before this one that did not run, since one was still running."""
    missed: int = 0
    """Rounds before this one that did not run, though none was running."""


@dataclass(frozen=True, slots=True)
class RoundResult:
    """A finished round."""

    request: RoundRequest
    judged: JudgedRound
    control_result: ControlResult
    """What the controls answered last in this round."""
    points: RoundPoints
    """Everything that was written, made again while it is read; the collector's own included."""
    receipt: Receipt
    seconds: float
    """From its start to its commit."""
    overran: bool
    """The deadline, or a stop, ended it with visits unfinished."""
