"""Plans a round: which nodes are visited, and how. Planning changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from collector.model.failure import Fault
from collector.model.listing import Listing
from collector.model.node import Node
from collector.model.observation import MAX_WAIT_SECONDS, Ipv6Method
from collector.state.hysteresis import Availability
from collector.state.node_state import NodeState
from collector.state.rules import Rules
from collector.times import DAY, HOUR, is_due

LADDER: Final = ((DAY, 900), (HOUR, 300))
"""The recovery ladder: down for so many seconds, visited every so many seconds."""


@dataclass(frozen=True, slots=True)
class VisitPlan:
    """How a round visits one node."""

    node: Node
    ipv6: Ipv6Method | None
    """Whom its slow IPv6 check asks; None if it is not due."""
    hung: bool
    """It ran into a time limit last time: it goes through the slow lane."""
    evidence_at: int
    """Last round with evidence about it, in epoch seconds; 0 if none. The oldest go first."""


def plan_visits(
    rules: Rules, states: Mapping[str, NodeState], listing: Listing, time: int
) -> list[VisitPlan]:
    """Return a plan for each listed node that the round at `time` visits; states are by hash."""
    plans = []
    for node in listing.nodes:
        state = states.get(node.hash)
        if state is None:
            plans.append(VisitPlan(node, ipv6=None, hung=False, evidence_at=0))
        elif state.address != node.address or is_visited(state, node, time):
            plans.append(_plan(rules, state, node, time))
    return plans


def _plan(rules: Rules, state: NodeState, node: Node, time: int) -> VisitPlan:
    again = state.ipv6.asked_again(time)
    due = again is None and _is_ipv6_due(rules, state, node, time)
    return VisitPlan(
        node,
        ipv6=Ipv6Method.STATUS if due else again,
        hung=_is_slow(state),
        evidence_at=state.availability.evidence_at or 0,
    )


def _is_ipv6_due(rules: Rules, state: NodeState, node: Node, time: int) -> bool:
    """Return whether a slot for the IPv6 check of a node has begun.

    After a check that came late in its slot, the fifth waits: there are at most four in any four
    intervals, a day by default.
    """
    interval_seconds = rules.ipv6_interval_seconds
    fourth_last = state.ipv6.fourth_last_at
    if fourth_last is not None and time - fourth_last < 4 * interval_seconds:
        return False
    last = state.first_at if state.ipv6.asked_at is None else state.ipv6.asked_at
    return is_due(time, last, interval_seconds, node.fraction("ipv6"))


def _is_slow(state: NodeState) -> bool:
    """Return whether the last visit with evidence may have waited for the node in vain.

    A visit that failed through a fault of ours says nothing, so a node that was bad before stays in
    its lane: after a round that hanging nodes have filled, they would fill the next one.
    """
    if state.failure.fault is Fault.VANTAGE:
        return bool(state.availability.evidence) and not state.availability.is_recovering
    return state.failure.is_slow


def is_visited(state: NodeState, node: Node, time: int) -> bool:
    """Return whether the round at `time` visits a node that did not move.

    A visit without evidence (the vantage was blind, the round had no time left) is made again. A
    node that asked to wait (`Retry-After`) is not visited before that time; a time further away
    than anybody can ask for comes from a clock that was wrong.
    """
    if state.not_before is not None and 0 < state.not_before - time <= MAX_WAIT_SECONDS:
        return False
    interval_seconds = visit_interval_seconds(state.availability, time)
    if interval_seconds == 0:
        return True
    return is_due(time, state.availability.evidence_at, interval_seconds, node.fraction())


def visit_interval_seconds(known: Availability, time: int) -> int:
    """Return the seconds between two visits of a node; 0 is every round.

    Only a node that is down and was not reachable at its last evidence is on the ladder: one good
    answer takes it off.
    """
    if known.up is not False or known.is_recovering or known.changed_at is None:
        return 0
    down_seconds = time - known.changed_at
    return next((interval for after, interval in LADDER if down_seconds >= after), 0)
