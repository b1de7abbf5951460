"""Which IPv6 measurements are believed: a no only when the next round confirms it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from collector.model.observation import Endpoint, Ipv6, Observation, Probe
from collector.times import HOUR

IPV6_ENDPOINTS: Final = (Endpoint.IPV6, Endpoint.DIAGNOSTIC_VM)
_WARM_SECONDS: Final = HOUR
"""How long a node keeps its diagnostic VM after it was asked."""


@dataclass(frozen=True, slots=True)
class Ipv6State:
    """The last IPv6 check of a node. Times are rounds' times, in epoch seconds."""

    asked_at: int | None = None
    """When IPv6 was last asked for."""
    unconfirmed: bool = False
    """The last answer was no, or none came: it is asked for again in the next round."""
    measured_at: int | None = None
    """When a measurement was last believed."""
    ok: bool | None = None
    """What it gave."""

    def ok_within(self, time: int, age_seconds: int) -> bool | None:
        """Return the last measurement's result; None if it is older than `age_seconds`."""
        if self.measured_at is None or time - self.measured_at > age_seconds:
            return None
        return self.ok


def ipv6_probes(observation: Observation) -> list[Probe]:
    """Return the probes that asked for IPv6; none in most visits."""
    return [probe for probe in observation.probes if probe.endpoint in IPV6_ENDPOINTS]


def confirm_ipv6(
    known: Ipv6State, time: int, observation: Observation
) -> tuple[Ipv6State, Ipv6 | None]:
    """Return the state after a visit, and the measurement if it is believed.

    A diagnostic VM that was cold says no, and is cold again an hour after it was asked: so a no is
    believed only when it confirms one of the last hour.
    """
    if not ipv6_probes(observation):
        return known, None
    measured = observation.ipv6
    warm = known.asked_at is not None and time - known.asked_at < _WARM_SECONDS
    if (measured is None or not measured.vm) and not (known.unconfirmed and warm):
        return Ipv6State(time, True, known.measured_at, known.ok), None
    if measured is None:
        return Ipv6State(time, False, known.measured_at, known.ok), None
    return Ipv6State(time, False, time, measured.ok), measured
