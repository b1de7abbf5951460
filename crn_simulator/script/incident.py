"""Incidents of a node: which fault, from when, until when."""

import functools
from dataclasses import dataclass

from crn_simulator.script.fault import Fault
from crn_simulator.script.seeded_random import choose_weighted, fraction

DAY = 86400.0
_PER_DAY = 0.35
_MOST_PER_DAY = 3
_CAUSES = (
    (Fault.REFUSED, 30.0),
    (Fault.BLACK_HOLE, 25.0),
    (Fault.SERVER_ERROR, 12.0),
    (Fault.UNAVAILABLE, 8.0),
    (Fault.CERT_EXPIRED, 6.0),
    (Fault.HANG_BEFORE_HEADERS, 6.0),
    (Fault.RESET_IN_TLS, 4.0),
    (Fault.DNS_NOT_FOUND, 4.0),
    (Fault.DNS_SERVFAIL, 2.0),
    (Fault.SILENT_IN_TLS, 2.0),
    (Fault.WEB_SERVER, 1.0),
)
_SECONDS = (((60.0, 300.0), 50.0), ((300.0, 3600.0), 35.0), ((3600.0, 28800.0), 15.0))


@dataclass(frozen=True, slots=True)
class Incident:
    """A fault from `since` up to, not including, `until`; seconds since the epoch.

    period: in seconds; if not 0, the node flaps: it has the fault in the first half of every
        period only.
    """

    fault: Fault
    since: float
    until: float
    period: float = 0.0

    def covers(self, time: float) -> bool:
        """Return whether the node has the fault at this time."""
        if not self.since <= time < self.until:
            return False
        return not self.period or (time - self.since) % self.period < self.period / 2


@functools.lru_cache(maxsize=65536)
def incidents_of_day(seed: int, node: int, day: int) -> tuple[Incident, ...]:
    """Return the incidents of a node that begin on a day, counted in days since the epoch."""
    found = []
    for number in range(_MOST_PER_DAY):
        key = (seed, node, day, number)
        if fraction(*key, "happens") >= _PER_DAY / _MOST_PER_DAY:
            continue
        low, high = choose_weighted(_SECONDS, *key, "length")
        since = (day + fraction(*key, "since")) * DAY
        until = since + low + fraction(*key, "until") * (high - low)
        is_flapping = fraction(*key, "flaps") < 0.15
        period = 60.0 + fraction(*key, "period") * 300 if is_flapping else 0.0
        found.append(Incident(choose_weighted(_CAUSES, *key, "cause"), since, until, period))
    return tuple(found)


def fault_at(seed: int, node: int, time: float) -> Fault:
    """Return the fault that a node has at a time; an incident lasts less than a day."""
    day = int(time // DAY)
    for started in (day, day - 1):
        for incident in incidents_of_day(seed, node, started):
            if incident.covers(time):
                return incident.fault
    return Fault.NONE
