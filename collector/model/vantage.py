"""Whether this vantage could see in a round, and if not, why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from collector.model.connect_time import ConnectTime, usual_time
from collector.model.failure import Failure
from collector.model.observation import Observation

OWN_SHARE: Final = 0.25
"""Share of visited nodes with a failure of this collector above which the round is blind."""
SLOW_SHARE: Final = 0.4
"""Share of the time that a connection may take. Where an ordinary one takes more, one that takes a
few times as long runs into the limit, whatever node it leads to."""


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
    """This process stood still in too many visits, or this machine was away."""
    SLOW_DNS = "slow_dns"
    """Names took so long to resolve that visits ran into their time limits."""
    SLOW_NETWORK = "slow_network"
    """Connections took so long that visits ran into their time limits."""

    def explains(self, failure: Failure) -> bool:
        """Return whether a vantage that could not see for this reason causes the failure itself.

        A blind one causes every failure up to and including the handshake, and every timeout:
        without descriptors no name resolves, and a peer closes the connection of a loop that stands
        still. A slow one causes timeouts.
        """
        match self:
            case BlindReason.NONE:
                return False
            case BlindReason.SLOW_DNS | BlindReason.SLOW_NETWORK:
                return failure.is_slow
            case _:
                return failure.is_masked_when_blind


@dataclass(frozen=True, slots=True)
class ControlResult:
    """What the controls answered in a round."""

    reason: BlindReason = BlindReason.NONE
    ipv6: bool = False
    """There is a route over IPv6, and no control that has IPv6 contradicts it."""
    detail: str = ""
    """Each control that failed, with its failure, for the log."""
    slow: BlindReason = BlindReason.NONE
    """Why timeouts prove nothing although a control answered; `none` if they do."""

    @property
    def ok(self) -> bool:
        """Whether at least one control answered (or none is configured)."""
        return self.reason is BlindReason.NONE

    @property
    def is_clear(self) -> bool:
        """Whether nothing speaks against the round yet."""
        return self.ok and self.slow is BlindReason.NONE

    def after(self, first: ControlResult) -> ControlResult:
        """Return this result of the same round, without an IPv6 that was missing at first."""
        return replace(self, ipv6=self.ipv6 and first.ipv6)


def slow_reason(
    control_result: ControlResult,
    observations: Iterable[Observation],
    limit_seconds: float,
    late_seconds: float,
) -> BlindReason:
    """Return why the round is untrusted although this vantage could see: its way was slow.

    What is slow at our end shows in every control, or in most of the nodes that answer. A name
    server or a host that is slow by itself shows in neither.

    limit_seconds: what a connection may take. late_seconds: the most that the event loop was late
        within such a time, which is in the times of the visits.
    """
    if control_result.slow is not BlindReason.NONE:
        return control_result.slow
    time = usual_time(observations)
    if time is None or time.seconds - late_seconds <= SLOW_SHARE * limit_seconds:
        return BlindReason.NONE
    return slow_part(time)


def reason_of(time: ConnectTime | None, limit_seconds: float) -> BlindReason:
    """Return which part of an ordinary connection is slow; `none` if it is fast, or unknown."""
    if time is None or time.seconds <= SLOW_SHARE * limit_seconds:
        return BlindReason.NONE
    return slow_part(time)


def slow_part(time: ConnectTime) -> BlindReason:
    """Return the reason for which such a connection is slow."""
    is_name = time.dns_seconds > time.handshake_seconds
    return BlindReason.SLOW_DNS if is_name else BlindReason.SLOW_NETWORK


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

    A vantage without IPv6 explains the failures of a node that has nothing else.
    """
    if reason is not BlindReason.NONE:
        return observation.masked(Failure.BLIND, reason.explains)
    if observation.ipv6_only and not ipv6:
        return observation.masked(Failure.NO_ROUTE, lambda failure: failure.is_masked_when_blind)
    return observation
