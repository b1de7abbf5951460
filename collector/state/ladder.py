"""The recovery ladder: a node long dead is asked less often, never slower than every 15 minutes."""

from __future__ import annotations

from typing import Final

from collector.state.node_state import NodeState
from collector.times import DAY, HOUR, is_due

RUNGS: Final = ((DAY, 900), (HOUR, 300))
"""Dead for this many seconds: asked every so many seconds. Before that, in every round."""


def rung(memory: NodeState, time: int) -> int:
    """Seconds between two looks at this node; 0 is every round.

    Only a node that is down and failed again when last asked is on the ladder: one good answer
    takes it off.
    """
    if memory.up is not False or memory.recovering or memory.changed_at is None:
        return 0
    dead_seconds = time - memory.changed_at
    return next((every for after, every in RUNGS if dead_seconds >= after), 0)


def asks(memory: NodeState, time: int, fraction: float) -> bool:
    """Whether the node is looked at in this round.

    A look that told nothing (we were blind, the round had no time left) is made again.
    """
    every = rung(memory, time)
    return every == 0 or is_due(time, memory.evidence_at, every, fraction)
