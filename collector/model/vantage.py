"""Whether *we* could see in a round, and if not, what of ours was the cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from collector.model.failure import Failure
from collector.model.observation import Observation

OWN_SHARE: Final = 0.25
"""Share of the nodes tried whose failure is our own above which the whole round is not trusted."""


class BlindReason(StrEnum):
    """Why a vantage could not see."""

    NONE = "none"
    CONTROLS = "controls"
    """The controls answered, but not as they should: their handshake failed."""
    DNS = "dns"
    """No control's name could be resolved."""
    NETWORK = "network"
    """No control could be connected to."""
    DESCRIPTORS = "descriptors"
    """We ran out of file descriptors or local ports."""
    DEADLINE = "deadline"
    """We ran out of time."""
    LOOP_LAG = "loop_lag"
    """Our event loop stood still longer than a node may be silent."""


@dataclass(frozen=True, slots=True)
class ControlResult:
    """What the controls said."""

    reason: BlindReason = BlindReason.NONE
    ipv6: bool = False
    """There is a way out over IPv6, and no control that has IPv6 contradicts."""
    detail: str = ""
    """Each control that failed, with its failure; for the log."""

    @property
    def ok(self) -> bool:
        """At least one control took a connection (or there is no control)."""
        return self.reason is BlindReason.NONE


def own_reason(
    observations: Iterable[Observation], lag_seconds: float, lag_limit_seconds: float
) -> BlindReason:
    """What of ours, besides the controls, spoilt the round; `none` if nothing did."""
    if lag_seconds > lag_limit_seconds:
        return BlindReason.LOOP_LAG
    failures = [o.failure for o in observations if o.tried or o.failure is Failure.ROUND_DEADLINE]
    if not failures:
        return BlindReason.NONE

    for failure, reason in (
        (Failure.NO_DESCRIPTORS, BlindReason.DESCRIPTORS),
        (Failure.ROUND_DEADLINE, BlindReason.DEADLINE),
    ):
        if failures.count(failure) > OWN_SHARE * len(failures):
            return reason
    return BlindReason.NONE


def mark_blind(observation: Observation, reason: BlindReason, ipv6: bool) -> Observation:
    """What our own trouble explains is not held against the node.

    A vantage that cannot see, whatever the cause, explains everything up to the handshake and every
    timeout (without descriptors no name resolves, and a peer gives up on a loop that stands still);
    one without IPv6 explains what a node with nothing else did.
    """
    if reason is not BlindReason.NONE:
        return observation.marked(Failure.BLIND, lambda failure: failure.is_masked_when_blind)
    if observation.ipv6_only and not ipv6:
        return observation.marked(Failure.NO_ROUTE, lambda failure: failure.is_masked_when_blind)
    return observation
