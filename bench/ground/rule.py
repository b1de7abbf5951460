"""The documented rule of up and down, stated anew and as simply as it can be said.

- Down after 3 bad rounds of the last 5, up after 2 good ones in a row; the first round that says
  anything decides at once and is no change.
- A round in which we could not see, or the node was not asked, says nothing.
- After more than three intervals without a word the count begins anew, and so it does at another
  address and when the clock is stepped back; moments that would then lie ahead become now. A
  recovery forgets what was before it.
- Dead for an hour: asked every 5 minutes; for a day: every 15.
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
class Change:
    """A node went down or up."""

    kind: str
    since: int
    lasted_seconds: int | None = None
    """`up` only."""


@dataclass(slots=True)
class DatabaseStatus:
    """What must be held of one node, round after round, by the times of the collector's clock."""

    interval: int
    up: bool | None = None
    since: int | None = None
    """First round of the stretch that made it what it is."""
    up_at: int | None = None
    """Last round in which it was up."""
    rounds: list[tuple[int, bool]] = field(default_factory=list)
    """Those that say something and add up: time, and whether it was reachable."""

    def rewind(self, now: int) -> None:
        """The clock was stepped back to `now`."""
        self.rounds = []
        self.since = None if self.since is None else min(self.since, now)
        self.up_at = None if self.up_at is None else min(self.up_at, now)

    def rung(self, now: int) -> int:
        """Seconds after which it must be asked again; 0 is every round."""
        if self.up is not False or self.since is None or (self.rounds and self.rounds[-1][1]):
            return 0
        dead = now - self.since
        return 900 if dead >= DAY else 300 if dead >= HOUR else 0

    def must_be_asked(self, now: int) -> bool:
        """Leaving it out in this round would be too long."""
        return not self.rounds or now - self.rounds[-1][0] >= self.rung(now)

    def age(self, now: int) -> int | None:
        """Seconds since something was last learnt of it."""
        return now - self.rounds[-1][0] if self.rounds else None

    def lost(self, now: int) -> bool:
        """Down, and up within a week."""
        return self.up is False and self.up_at is not None and now - self.up_at <= LOST_SECONDS

    def see(self, now: int, good: bool) -> Change | None:
        """A round that says something."""
        if self.rounds and now - self.rounds[-1][0] > FRESH_INTERVALS * self.interval:
            self.rounds = []
        self.rounds.append((now, good))
        change = self._change(now)
        if self.up:
            self.up_at = now
        return change

    def _change(self, now: int) -> Change | None:
        last = self.rounds[-DOWN_WITHIN:]
        bad = [at for at, good in last if not good]
        run = self.rounds[-UP_AFTER:]
        if self.up is None:
            self.up, self.since = last[-1][1], now
        elif self.up and len(bad) >= DOWN_AFTER:
            self.up, self.since = False, bad[0]
            return Change("down", bad[0])
        elif not self.up and len(run) == UP_AFTER and all(good for _, good in run):
            began, self.up, self.since = self.since, True, run[0][0]
            self.rounds = run
            return Change("up", run[0][0], max(0, run[0][0] - (began or 0)))
        return None
