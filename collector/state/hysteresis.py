"""Up and down, judged over several rounds, so that one lost packet changes nothing.

Down after 3 bad rounds of the last 5, up after 2 good ones in a row: a supervisor that restarts is
away for a minute or two and does not count as down, a flapping node does, and a real outage is
announced within three rounds. Only evidence about the node counts; rounds in which we could not
see, and rounds in which it was not asked, say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.state.node_state import NodeState


@dataclass(frozen=True, slots=True)
class Hysteresis:
    """The rule."""

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

    def weigh(self, memory: NodeState, time: int, good: bool) -> bool:
        """Take a round's evidence into the memory; True if `up` changed.

        The first evidence ever decides at once and is no change.
        """
        memory.evidence.append((time, good))
        del memory.evidence[: -self.down_within]
        if memory.up is None:
            memory.up, memory.changed_at = good, time
            return False
        if memory.up:
            bad = [at for at, reachable in memory.evidence if not reachable]
            if len(bad) < self.down_after:
                return False
            memory.up, memory.changed_at = False, bad[0]
            return True
        run = memory.evidence[-self.up_after :]
        if len(run) < self.up_after or not all(reachable for _, reachable in run):
            return False
        memory.up, memory.changed_at = True, run[0][0]
        memory.evidence = run
        return True
