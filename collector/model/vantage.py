"""Whether this vantage could see in a round, and if not, why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from collector.model.failure import Failure
from collector.model.observation import Observation

OWN_SHARE: Final = 0.25
"""Share of visited nodes with a failure of this collector above which the round is blind."""


class BlindReason(StrEnum):
    """Why a vantage could not see."""

    NONE = "none"
    CONTROLS = "controls"
    """The controls were connected to, but their TLS handshake failed."""
    DNS = "dns"
    """No control's name could be resolved."""
    NETWORK = "network"
    """No control could be connected to."""
    DESCRIPTORS = "descriptors"
    """This process ran out of file descriptors or local ports."""
    DEADLINE = "deadline"
    """The deadline of the round ended too many visits."""
    STARVED = "starved"
    """This process stood still in too many visits."""


@dataclass(frozen=True, slots=True)
class ControlResult:
    """What the controls answered in a round."""

    reason: BlindReason = BlindReason.NONE
    ipv6: bool = False
    """There is a route over IPv6, and no control that has IPv6 contradicts it."""
    detail: str = ""
    """Each control that failed, with its failure, for the log."""

    @property
    def ok(self) -> bool:
        """Whether at least one control answered (or none is configured)."""
        return self.reason is BlindReason.NONE


def own_reason(observations: Iterable[Observation]) -> BlindReason:
    """Return why the round is blind although the controls answered; `none` if it is not."""
    failures = [o.failure for o in observations if o.tried or o.failure is Failure.ROUND_DEADLINE]
    if not failures:
        return BlindReason.NONE

    for failure, reason in (
        (Failure.NO_DESCRIPTORS, BlindReason.DESCRIPTORS),
        (Failure.ROUND_DEADLINE, BlindReason.DEADLINE),
        (Failure.STARVED, BlindReason.STARVED),
    ):
        if failures.count(failure) > OWN_SHARE * len(failures):
            return reason
    return BlindReason.NONE


def mark_blind(observation: Observation, reason: BlindReason, ipv6: bool) -> Observation:
    """Return the observation with every failure replaced that this vantage explains.

    A blind vantage explains every failure up to and including the handshake, and every timeout:
    without descriptors no name resolves, and a peer closes the connection of a loop that stands
    still. A vantage without IPv6 explains the failures of a node that has nothing else.
    """
    if reason is not BlindReason.NONE:
        return observation.masked(Failure.BLIND, lambda failure: failure.is_masked_when_blind)
    if observation.ipv6_only and not ipv6:
        return observation.masked(Failure.NO_ROUTE, lambda failure: failure.is_masked_when_blind)
    return observation
