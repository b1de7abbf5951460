"""Troubles: what is wrong besides the nodes."""

from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """One thing that is wrong besides the nodes."""

    # The network of the client.
    NAMES_SILENT = "names_silent"
    NAMES_SERVFAIL = "names_servfail"
    CONNECTIONS_REFUSED = "connections_refused"
    CONNECTIONS_SILENT = "connections_silent"
    IPV6 = "ipv6"
    EVERYTHING = "everything"
    # The controls, while the nodes are reachable.
    CONTROLS_DOWN = "controls_down"
    # The API.
    API_DOWN = "api_down"
    API_ERROR = "api_error"
    API_GARBAGE = "api_garbage"
    API_SLOW = "api_slow"
    API_SILENT = "api_silent"
    API_STALE = "api_stale"
    """It lists the nodes as they were when the trouble began."""
    API_SHRUNKEN = "api_shrunken"
    """It lists every third node."""
    API_EMPTY = "api_empty"
    """It lists no node."""

    @property
    def is_blinding(self) -> bool:
        """The controls fail, so the failures that a client meets prove nothing about the nodes."""
        return self in _BLINDING


_BLINDING = frozenset(
    {
        Trouble.NAMES_SILENT,
        Trouble.NAMES_SERVFAIL,
        Trouble.CONNECTIONS_REFUSED,
        Trouble.CONNECTIONS_SILENT,
        Trouble.EVERYTHING,
        Trouble.CONTROLS_DOWN,
    }
)


@dataclass(frozen=True, slots=True)
class TroubleWindow:
    """A trouble from `since` up to, not including, `until`; seconds since the epoch."""

    trouble: Trouble
    since: float
    until: float

    def covers(self, time: float) -> bool:
        """Return whether the trouble is present at this time."""
        return self.since <= time < self.until
