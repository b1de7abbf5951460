"""How long connections take from this vantage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Self

from collector.model.observation import Observation, Phases

_FEWEST: Final = 10
"""Connections of which the median says something about this vantage."""
_LOST_SHARE: Final = 0.15
"""Share of what a connection may take: what one more than the fastest to the same host is late by
if a packet was lost. A lost first packet costs a second."""
_UNEVEN_SHARE: Final = 0.125
"""Share of the connections that were so late, from which on it is the way; and half of the hosts
must have had one."""


@dataclass(frozen=True, slots=True)
class ConnectTime:
    """What one connection took, in seconds, until it was made or given up."""

    dns_seconds: float
    """0 where there was no name to resolve."""
    handshake_seconds: float
    """For TCP and TLS."""

    @classmethod
    def of(cls, phases: Phases) -> Self | None:
        """Return the time of a visit; None if it made no connection, or was not answered."""
        if phases.tcp_seconds is None:
            return None
        return cls(phases.dns_seconds or 0.0, phases.tcp_seconds + (phases.tls_seconds or 0.0))

    @property
    def seconds(self) -> float:
        """In sum."""
        return self.dns_seconds + self.handshake_seconds


def usual_time(observations: Iterable[Observation]) -> ConnectTime | None:
    """Return the median of the nodes that answered; None if they are too few to say.

    Those that did not answer tell nothing: they may be down. Nodes that answer slowly, whatever
    for, do not move it as long as they are fewer than the others.
    """
    times = [time for visit in observations if (time := ConnectTime.of(visit.phases))]
    if len(times) < _FEWEST:
        return None
    return sorted(times, key=lambda time: time.seconds)[len(times) // 2]


def lost_time(hosts: Iterable[Sequence[ConnectTime]], limit_seconds: float) -> ConnectTime | None:
    """Return what connections lost in sum on an uneven way; None if it is even.

    hosts: the times of several connections to each host. A host that is always slow loses nothing
    against its own fastest.
    """
    losses = [_losses(times) for times in hosts]
    most_seconds = _LOST_SHARE * limit_seconds
    late = [[loss for loss in host if loss.seconds > most_seconds] for host in losses]
    found = list(chain.from_iterable(late))
    few = len(found) < _UNEVEN_SHARE * sum(map(len, losses))
    if not found or few or sum(map(bool, late)) < len(losses) / 2:
        return None
    return ConnectTime(
        sum(loss.dns_seconds for loss in found), sum(loss.handshake_seconds for loss in found)
    )


def _losses(times: Sequence[ConnectTime]) -> list[ConnectTime]:
    """Return what each connection to one host took more than the fastest."""
    dns_seconds = min(time.dns_seconds for time in times)
    handshake_seconds = min(time.handshake_seconds for time in times)
    return [
        ConnectTime(time.dns_seconds - dns_seconds, time.handshake_seconds - handshake_seconds)
        for time in times
    ]
