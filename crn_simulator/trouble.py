"""Troubles that concern the whole network: the API's, and the client's own way out."""

from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """One thing that is wrong beside the nodes."""

    # The client's own way out.
    NAMES_SILENT = "names_silent"
    NAMES_SERVFAIL = "names_servfail"
    CONNECTIONS_REFUSED = "connections_refused"
    CONNECTIONS_SILENT = "connections_silent"
    IPV6 = "ipv6"
    EVERYTHING = "everything"
    # The controls, while the nodes are well.
    CONTROLS_DOWN = "controls_down"
    # The API.
    API_DOWN = "api_down"
    API_ERROR = "api_error"
    API_GARBAGE = "api_garbage"
    API_SLOW = "api_slow"
    API_SILENT = "api_silent"
    API_STALE = "api_stale"
    """It answers what was true when the trouble began."""
    API_SHRUNKEN = "api_shrunken"
    """It lists every third node."""
    API_EMPTY = "api_empty"
    """It lists no node."""

    @property
    def blinds(self) -> bool:
        """The controls fail, so that a client must not believe its failures."""
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
class Window:
    """A trouble from `since` up to, not including, `until`; seconds since the epoch."""

    trouble: Trouble
    since: float
    until: float

    def covers(self, time: float) -> bool:
        """Whether the trouble is there at this time."""
        return self.since <= time < self.until
