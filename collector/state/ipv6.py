"""When IPv6 is asked for again, and which measurements are believed: a no only when confirmed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from collector.model.observation import Endpoint, Ipv6, Ipv6Method, Observation, Probe
from collector.times import HOUR

IPV6_ENDPOINTS: Final = (Endpoint.IPV6, Endpoint.DIAGNOSTIC_VM)
_WARM_SECONDS: Final = HOUR
"""How long a node keeps its diagnostic VM after it was asked."""
_EARLIER: Final = 3


@dataclass(frozen=True, slots=True)
class Ipv6State:
    """The last IPv6 check of a node. Times are rounds' times, in epoch seconds."""

    asked_at: int | None = None
    """When the check began: a node that is asked again is asked within an hour, as part of it."""
    unconfirmed: bool = False
    """The last answer was no: it is asked for again in the next round."""
    by_vm: bool = False
    """The node itself could not say: its diagnostic VM is asked in the next round."""
    earlier: tuple[int, ...] = ()
    """When the checks before began: the last three, in order."""
    measured_at: int | None = None
    """When a measurement was last believed."""
    ok: bool | None = None
    """What it gave."""

    @property
    def fourth_last_at(self) -> int | None:
        """When the fourth last check began; None if there were fewer."""
        return self.earlier[0] if len(self.earlier) == _EARLIER else None

    def begun(self, time: int) -> Ipv6State:
        """Return the state when a check begins at `time`."""
        before = () if self.asked_at is None else (*self.earlier, self.asked_at)
        return Ipv6State(time, earlier=before[-_EARLIER:], measured_at=self.measured_at, ok=self.ok)

    def rewound(self, time: int) -> Ipv6State:
        """Return the state after the clock was stepped back to `time`: nothing is later."""
        return replace(
            self,
            asked_at=None if self.asked_at is None else min(self.asked_at, time),
            earlier=tuple(min(at, time) for at in self.earlier),
            measured_at=None if self.measured_at is None else min(self.measured_at, time),
        )

    def asked_again(self, time: int) -> Ipv6Method | None:
        """Return whom the round at `time` asks to complete the check; None if it is complete.

        Later than an hour, the diagnostic VM would be started once more.
        """
        if self.asked_at is None or time - self.asked_at >= _WARM_SECONDS:
            return None
        if self.by_vm:
            return Ipv6Method.DIAGNOSTIC_VM
        return Ipv6Method.STATUS if self.unconfirmed else None

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
    believed only when it confirms one of the last hour. What gave no answer is not asked again.
    """
    probes = ipv6_probes(observation)
    if not probes:
        return known, None
    if known.asked_again(time) is None:
        known = known.begun(time)
    measured = observation.ipv6
    if measured is None:
        cannot_say = all(probe.endpoint is Endpoint.IPV6 for probe in probes)
        return replace(known, unconfirmed=False, by_vm=cannot_say), None
    if not measured.vm and not known.unconfirmed:
        return replace(known, unconfirmed=True), None
    believed = replace(known, unconfirmed=False, by_vm=False, measured_at=time, ok=measured.ok)
    return believed, measured
