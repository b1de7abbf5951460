"""The last rounds, and what they say of a node whose state was not written since.

The state of a node that stays up changes in every round, but foreseeably: one more good round. Such
a state is not written. It is read back from its last document and the rounds since.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.model.failure import Failure
from collector.state.node_state import NodeState
from collector.state.rules import Rules


@dataclass(frozen=True, slots=True)
class RoundLog:
    """How many rounds there were, and the times of the last ones."""

    count: int = 0
    times: tuple[int, ...] = ()
    """In epoch seconds, the last one last; as many as a node's evidence holds."""

    @property
    def last(self) -> int | None:
        """Time of the last round; None if there was none."""
        return self.times[-1] if self.times else None

    def add(self, time: int, kept: int) -> RoundLog:
        """Return the log with one more round, of which the last `kept` times are kept."""
        return RoundLog(self.count + 1, (*self.times, time)[-kept:])

    def since(self, number: int) -> tuple[int, ...]:
        """Return the times of the rounds after round `number`, as far as they are kept."""
        rounds = self.count - number
        return self.times[-rounds:] if rounds > 0 else ()


def foreseen(rules: Rules, state: NodeState, time: int) -> NodeState:
    """Return the state that a node has after a round in which nothing happened to it.

    A node that is up answers again; every other one stays as it is, and one that asked to wait.
    """
    steady = (
        state.availability.up is True
        and state.failure is Failure.NONE
        and state.left_at is None
        and state.not_before is None
    )
    if not steady:
        return state
    return state.with_availability(rules.add_evidence(state.availability, time, True))
