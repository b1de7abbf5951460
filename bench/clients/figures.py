"""What one client cost, and what it got wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.clients.client import NodeResult, Outcome
from bench.clients.fleet import Target


@dataclass(frozen=True, slots=True)
class Mistakes:
    """What a client got wrong about healthy nodes.

    false_failures: those that it calls failed. unjudged: those of which it says that it could not
    tell. lost_answers: requests to them without a complete answer.
    """

    false_failures: int
    unjudged: int
    lost_answers: int


@dataclass(frozen=True, slots=True)
class Figures:
    """One measured round of one client. Memory and descriptors are peaks.

    began, ended: by the clock that all processes of a machine share, in seconds.
    waited_seconds: for the processor, while others had it.
    """

    cpu_ms_per_node: float
    max_rss_bytes: int
    max_fds: int
    began: float
    ended: float
    waited_seconds: float
    mistakes: Mistakes


def mistakes_of(targets: Sequence[Target], results: Sequence[NodeResult]) -> Mistakes:
    """Compare what was found with what healthy nodes are; nodes that are missing are unjudged."""
    found: Mapping[str, NodeResult] = {result.node: result for result in results}
    healthy = [found.get(target.node) for target in targets if target.healthy]
    judged = [result for result in healthy if result]
    return Mistakes(
        false_failures=sum(result.outcome is Outcome.FAILED for result in judged),
        unjudged=sum(not result or result.outcome is Outcome.UNJUDGED for result in healthy),
        lost_answers=sum(max(0, result.asked - result.answers) for result in judged),
    )
