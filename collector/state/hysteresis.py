"""Up and down, judged over several rounds, so that one lost packet changes nothing.

Down after 3 bad rounds of the last 5, up after 2 good ones in a row: a supervisor that restarts is
away for a minute or two and does not count as down, a flapping node does, and a real outage is
announced within three rounds. Only evidence about the node counts; rounds in which this vantage
could not see, and rounds in which the node was not visited, change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a node is up, and the evidence for it. Times are rounds' times, in epoch seconds."""

    up: bool | None = None
    """After hysteresis; None until there is evidence."""
    changed_at: int | None = None
    """First round of the stretch that made it up or down."""
    last_up_at: int | None = None
    """Last round with evidence in which it counted as up."""
    evidence: tuple[tuple[int, bool], ...] = ()
    """The last rounds with evidence about the node, oldest first: time, and whether reachable."""

    @property
    def evidence_at(self) -> int | None:
        """Last round with evidence about the node; None if there is none."""
        return self.evidence[-1][0] if self.evidence else None

    @property
    def is_recovering(self) -> bool:
        """Whether the node was reachable in the last round with evidence."""
        return bool(self.evidence) and self.evidence[-1][1]

    def without_evidence(self) -> Availability:
        """Return the same with the count begun anew."""
        return replace(self, evidence=())


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """When a node goes down, and when it comes up again."""

    down_after: int = 3
    """Bad rounds …"""
    down_within: int = 5
    """… of this many that make a node down."""
    up_after: int = 2
    """Good rounds in a row that make it up again."""

    def __post_init__(self) -> None:
        if not 1 <= self.down_after <= self.down_within:
            raise ValueError("down_after must be between 1 and down_within")
        if not 1 <= self.up_after <= self.down_within:
            raise ValueError("up_after must be between 1 and down_within")

    def add_evidence(self, known: Availability, time: int, reachable: bool) -> Availability:
        """Return the availability after one more round with evidence.

        The first evidence ever decides at once.
        """
        evidence = (*known.evidence, (time, reachable))[-self.down_within :]
        up, changed_at = known.up, known.changed_at
        if up is None:
            up, changed_at = reachable, time
        elif up:
            bad = [at for at, good in evidence if not good]
            if len(bad) >= self.down_after:
                up, changed_at = False, bad[0]
        else:
            run = evidence[-self.up_after :]
            if len(run) == self.up_after and all(good for _, good in run):
                up, changed_at, evidence = True, run[0][0], run
        return Availability(up, changed_at, time if up else known.last_up_at, evidence)
