"""Logs rounds: one line for each that is finished, and a warning if it could not see."""

from __future__ import annotations

import logging
from collections import Counter

from collector.crawl.ports import RoundObserver
from collector.crawl.round import RoundResult
from collector.model.failure import Failure

log = logging.getLogger(__name__)


class RoundLogger(RoundObserver):
    """Logs each finished round."""

    def on_round(self, result: RoundResult) -> None:
        """Log the round in one line."""
        reason = result.judged.reason
        if not result.judged.sees:
            detail = result.control_result.detail or "see figures"
            log.warning("this vantage cannot see (%s): %s", reason, detail)
        log.info("%s", summary(result))


def summary(result: RoundResult) -> str:
    """Return one line: nodes reachable, the commonest failures, points and seconds."""
    statuses = result.judged.statuses
    failures = Counter(s.failure for s in statuses if s.failure is not Failure.NONE)
    reachable = sum(s.observation is not None and s.observation.reachable for s in statuses)
    causes = ", ".join(f"{failure} {count}" for failure, count in failures.most_common(4))
    blind = "" if result.judged.sees else f" BLIND ({result.judged.reason})"
    return (
        f"round {result.judged.time}: {reachable} of {len(statuses)} nodes reachable"
        f"{f' ({causes})' if causes else ''}, {result.receipt.received} points in "
        f"{result.seconds:.1f} s{', deadline reached' if result.overran else ''}{blind}"
    )
