"""What must be concluded of a node in one round, and what one look at it meets.

By the truth of the script, the troubles of the round, and the published table of failures.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from crn_simulator.script.fault import FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.trouble import Trouble
from crn_simulator.truth.node_truth import NodeTruth

NAMES_CUT: Final = frozenset({Trouble.NAMES_SILENT, Trouble.NAMES_SERVFAIL, Trouble.EVERYTHING})
SILENCED: Final = frozenset({Trouble.CONNECTIONS_SILENT, Trouble.EVERYTHING})
WAY_CUT: Final = NAMES_CUT | SILENCED | {Trouble.CONNECTIONS_REFUSED}
"""No answer of any node can come."""
IPV6_CUT: Final = SILENCED | {Trouble.IPV6}
EXCUSED: Final = frozenset(
    {
        *("dns_not_found", "dns_failed", "connect_refused", "connect_timeout"),
        *("connect_unreachable", "connect_reset", "tls_failed", "tls_expired", "tls_invalid"),
        *("answer_timeout", "no_route"),
    }
)
"""Everything up to and including the handshake, and every timeout: no fault of a node in a round in
which the controls fail."""
FAULTS: Final = {
    "none": "none",
    **dict.fromkeys(("invalid_address", "forbidden_address"), "policy"),
    **dict.fromkeys(("dns_not_found", "dns_failed"), "dns"),
    **dict.fromkeys(
        ("no_descriptors", "no_route", "round_deadline", "blind", "internal"), "vantage"
    ),
}
"""Whose fault a failure is; every other one is the node's."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a round's reachability point must say."""

    failure: str

    @property
    def fault(self) -> str:
        """Whose fault that is."""
        return FAULTS.get(self.failure, "node")

    @property
    def dialled(self) -> bool:
        """It was tried, and the policy had no objection."""
        return self.fault != "policy"

    @property
    def reachable(self) -> bool | None:
        """None for what is not dialled."""
        return self.failure == "none" if self.dialled else None


def met(truth: NodeTruth, troubles: Set[Trouble], moved: bool = False) -> str:
    """The failure that a look at a node meets. moved: its name in the directory is an old one."""
    phase = FAULT_EFFECTS[truth.cause].phase
    if truth.fault == "policy" and phase is FaultPhase.ADDRESS:
        return truth.failure
    if troubles & NAMES_CUT:
        return "dns_failed"
    if moved:
        return "dns_not_found"
    if phase is FaultPhase.NAME:
        return truth.failure
    if troubles & SILENCED:
        return "connect_timeout"
    if Trouble.CONNECTIONS_REFUSED in troubles:
        return "connect_refused"
    return truth.failure


def concluded(failure: str, sees: bool) -> Conclusion:
    """What must be concluded of a node that is looked at, when we can see and when we cannot."""
    return Conclusion("blind" if not sees and failure in EXCUSED else failure)


def control_result(troubles: Set[Trouble]) -> str:
    """Why the controls cannot be reached; `none` if they can."""
    if troubles & NAMES_CUT:
        return "dns"
    return "network" if any(trouble.is_blinding for trouble in troubles) else "none"
