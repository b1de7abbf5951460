"""The failure that a visit meets, and what a round must record of it.

By the truth of the script, the troubles of the round, and the documented table of failures.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from crn_simulator.script.fault import FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.trouble import Trouble
from crn_simulator.truth.node_truth import NodeTruth

DNS_DOWN: Final = frozenset({Trouble.NAMES_SILENT, Trouble.NAMES_SERVFAIL, Trouble.EVERYTHING})
CONNECTIONS_SILENT: Final = frozenset({Trouble.CONNECTIONS_SILENT, Trouble.EVERYTHING})
CUT_OFF: Final = DNS_DOWN | CONNECTIONS_SILENT | {Trouble.CONNECTIONS_REFUSED}
"""Troubles under which no node can answer."""
IPV6_DOWN: Final = CONNECTIONS_SILENT | {Trouble.IPV6}
MASKED_WHEN_BLIND: Final = frozenset(
    {
        *("dns_not_found", "dns_failed", "connect_refused", "connect_timeout"),
        *("connect_unreachable", "connect_reset", "tls_failed", "tls_expired", "tls_invalid"),
        *("answer_timeout", "no_route"),
    }
)
"""Failures up to and including the handshake, and timeouts: `blind` while the controls fail."""
MASKED_WHEN_STARVED: Final = frozenset(
    {
        *("dns_failed", "connect_timeout", "connect_reset", "tls_failed", "answer_timeout"),
        "answer_broken",
    }
)
"""Timeouts, and connections that the node closed: `starved` where the collector stood still.

A node that answers may have closed its connection by then, so `none` is masked as well.
"""
FAULTS: Final = {
    "none": "none",
    **dict.fromkeys(("invalid_address", "forbidden_address"), "policy"),
    **dict.fromkeys(("dns_not_found", "dns_failed"), "dns"),
    **dict.fromkeys(
        ("no_descriptors", "no_route", "round_deadline", "starved", "blind", "internal"), "vantage"
    ),
}
"""The fault of each failure; of every other one it is `node`."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the reachability point of a round must say."""

    failure: str

    @property
    def fault(self) -> str:
        """The fault that belongs to the failure."""
        return FAULTS.get(self.failure, "node")

    @property
    def is_visited(self) -> bool:
        """The address policy allows a visit."""
        return self.fault != "policy"

    @property
    def reachable(self) -> bool | None:
        """None for a node that is not visited."""
        return self.failure == "none" if self.is_visited else None


def visit_failure(truth: NodeTruth, troubles: Set[Trouble], moved: bool = False) -> str:
    """Return the failure that a visit meets, before it is masked.

    moved: the directory still lists the node under its old name.
    """
    phase = FAULT_EFFECTS[truth.cause].phase
    if truth.fault == "policy" and phase is FaultPhase.ADDRESS:
        return truth.failure
    if troubles & DNS_DOWN:
        return "dns_failed"
    if moved:
        return "dns_not_found"
    if phase is FaultPhase.NAME:
        return truth.failure
    if troubles & CONNECTIONS_SILENT:
        return "connect_timeout"
    if Trouble.CONNECTIONS_REFUSED in troubles:
        return "connect_refused"
    return truth.failure


def expectation(failure: str, is_blind: bool, is_starved: bool = False) -> Expectation:
    """Return what a round must record of a node whose visit met a failure.

    is_starved: the round says that its visit was starved, and that it stood still for long enough.
    """
    if is_starved and failure in {*MASKED_WHEN_STARVED, "none"}:
        return Expectation("starved")
    return Expectation("blind" if is_blind and failure in MASKED_WHEN_BLIND else failure)


def control_result(troubles: Set[Trouble]) -> str:
    """Return why the controls make a round blind; `none` if they are reachable."""
    if troubles & DNS_DOWN:
        return "dns"
    return "network" if any(trouble.is_blinding for trouble in troubles) else "none"
