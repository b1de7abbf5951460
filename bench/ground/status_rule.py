"""The documented rule of up and down (docs/state.md), implemented a second time.

- Down after 3 bad rounds of the last 5, up after 2 good ones in a row. The first round with
  evidence decides at once and is no change.
- A blind round, or one in which the node was not visited, is no evidence.
- Counting starts again after more than three intervals without evidence, at another address, and
  when the clock is stepped back; times that would then lie in the future become now. A recovery
  forgets the rounds before it.
- A node that is down for an hour is visited every 5 minutes; for a day, every 15.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

DOWN_AFTER: Final = 3
DOWN_WITHIN: Final = 5
UP_AFTER: Final = 2
FRESH_INTERVALS: Final = 3
HOUR: Final = 3600
DAY: Final = 24 * HOUR
LOST_SECONDS: Final = 7 * DAY


@dataclass(frozen=True, slots=True)
class Transition:
    """A node went down or up.

    kind: `down` or `up`. since: the round in which it began. lasted_seconds: of the outage, for
    `up` only.
    """

    kind: str
    since: int
    lasted_seconds: int | None = None


@dataclass(slots=True)
class ExpectedStatus:
    """The status that a node must have, round after round; times are the collector's clock.

    since: the first round of the run that led to the present status.
    up_at: the last round in which it was up.
    rounds: those that count as evidence: time, and whether the node was reachable.
    """

    interval: int
    up: bool | None = None
    since: int | None = None
    up_at: int | None = None
    rounds: list[tuple[int, bool]] = field(default_factory=list)

    def step_back(self, now: int) -> None:
        """Account for a clock that was stepped back to `now`."""
        self.rounds = []
        self.since = None if self.since is None else min(self.since, now)
        self.up_at = None if self.up_at is None else min(self.up_at, now)

    def visit_interval(self, now: int) -> int:
        """Return the seconds after which the node must be visited again; 0 is every round."""
        if self.up is not False or self.since is None or (self.rounds and self.rounds[-1][1]):
            return 0
        down = now - self.since
        return 900 if down >= DAY else 300 if down >= HOUR else 0

    def is_visit_due(self, now: int) -> bool:
        """Return whether the node must be visited in this round."""
        return not self.rounds or now - self.rounds[-1][0] >= self.visit_interval(now)

    def evidence_age(self, now: int) -> int | None:
        """Return the seconds since the last evidence; None if there is none."""
        return now - self.rounds[-1][0] if self.rounds else None

    def is_lost(self, now: int) -> bool:
        """Return whether the node is down and was up within a week."""
        return self.up is False and self.up_at is not None and now - self.up_at <= LOST_SECONDS

    def add_evidence(self, now: int, reachable: bool) -> Transition | None:
        """Count a round, and return the transition that it causes."""
        if self.rounds and now - self.rounds[-1][0] > FRESH_INTERVALS * self.interval:
            self.rounds = []
        self.rounds.append((now, reachable))
        transition = self._transition(now)
        if self.up:
            self.up_at = now
        return transition

    def _transition(self, now: int) -> Transition | None:
        last = self.rounds[-DOWN_WITHIN:]
        bad = [at for at, reachable in last if not reachable]
        run = self.rounds[-UP_AFTER:]
        if self.up is None:
            self.up, self.since = last[-1][1], now
        elif self.up and len(bad) >= DOWN_AFTER:
            self.up, self.since = False, bad[0]
            return Transition("down", bad[0])
        elif not self.up and len(run) == UP_AFTER and all(reachable for _, reachable in run):
            down_since, self.up, self.since = self.since, True, run[0][0]
            self.rounds = run
            return Transition("up", run[0][0], max(0, run[0][0] - (down_since or 0)))
        return None
