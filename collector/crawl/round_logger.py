"""Logs rounds: one line for each that is finished, and a warning if it could not see."""

from __future__ import annotations

import logging
from collections import Counter

from collector.crawl.ports import RoundObserver
from collector.crawl.round import RoundRequest, RoundResult
from collector.model.failure import Failure
from collector.model.observation import Observation

log = logging.getLogger(__name__)


class RoundLogger(RoundObserver):
    """Logs each finished round."""

    def __init__(self) -> None:
        self._found: Counter[Failure] = Counter()
        """Of the visits of this round, before a blind vantage makes `blind` of them."""

    def on_start(self, request: RoundRequest, nodes: int) -> None:
        """Count anew."""
        self._found.clear()

    def on_observation(self, observation: Observation) -> None:
        """Count its failure."""
        self._found[observation.failure] += 0 if observation.reachable else 1

    def on_round(self, result: RoundResult) -> None:
        """Log the round in one line."""
        reason = result.judged.reason
        if not result.judged.sees:
            detail = result.control_result.detail or "see figures"
            found = _commonest(self._found) or "no failures"
            log.warning("this vantage cannot see (%s): %s; visits found %s", reason, detail, found)
        log.info("%s", summary(result))


def summary(result: RoundResult) -> str:
    """Return one line: nodes reachable, the commonest failures, points and seconds."""
    statuses = result.judged.statuses
    failures: Counter[Failure] = Counter(
        s.failure for s in statuses if s.failure is not Failure.NONE
    )
    reachable = sum(s.observation is not None and s.observation.reachable for s in statuses)
    causes = _commonest(failures)
    blind = "" if result.judged.sees else f" BLIND ({result.judged.reason})"
    return (
        f"round {result.judged.time}: {reachable} of {len(statuses)} nodes reachable"
        f"{f' ({causes})' if causes else ''}, {result.receipt.received} points in "
        f"{result.seconds:.1f} s{', deadline reached' if result.overran else ''}{blind}"
    )


def _commonest(failures: Counter[Failure]) -> str:
    return ", ".join(f"{failure} {count}" for failure, count in failures.most_common(4) if count)
