"""Outages of a node: when they begin, how long they last, what they look like."""

import functools
from dataclasses import dataclass

from crn_simulator.chance import chance, weighted
from crn_simulator.fault import Fault

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

    period: if not 0, the node flaps: it has the fault in the first half of every period only.
    """

    fault: Fault
    since: float
    until: float
    period: float = 0.0

    def covers(self, time: float) -> bool:
        """Whether the node has the fault at this time."""
        if not self.since <= time < self.until:
            return False
        return not self.period or (time - self.since) % self.period < self.period / 2


@functools.lru_cache(maxsize=65536)
def incidents(seed: int, node: int, day: int) -> tuple[Incident, ...]:
    """Those of a node that begin on a day, counted from the epoch."""
    found = []
    for number in range(_MOST_PER_DAY):
        key = (seed, node, day, number)
        if chance(*key, "happens") >= _PER_DAY / _MOST_PER_DAY:
            continue
        low, high = weighted(_SECONDS, *key, "length")
        since = (day + chance(*key, "since")) * DAY
        until = since + low + chance(*key, "until") * (high - low)
        flaps = chance(*key, "flaps") < 0.15
        period = 60.0 + chance(*key, "period") * 300 if flaps else 0.0
        found.append(Incident(weighted(_CAUSES, *key, "cause"), since, until, period))
    return tuple(found)


def fault_at(seed: int, node: int, time: float) -> Fault:
    """The fault that a node has by chance at a time; incidents last less than a day."""
    day = int(time // DAY)
    for started in (day, day - 1):
        for incident in incidents(seed, node, started):
            if incident.covers(time):
                return incident.fault
    return Fault.NONE
