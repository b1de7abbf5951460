"""What can go wrong with a node in a round, and whose fault it is.

A failed probe is data, not an error: every failure is a member of a closed set, and each carries
the one who is to blame. Only `node` and `dns` count against a node.
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Who is to blame for a failure."""

    NONE = "none"
    POLICY = "policy"
    """We do not dial such an address."""
    DNS = "dns"
    """The node's name cannot be resolved."""
    NODE = "node"
    VANTAGE = "vantage"
    """We could not see; nothing is known about the node."""


class Failure(StrEnum):
    """Why a node was not reachable, or why one endpoint did not give what it should."""

    NONE = "none"

    INVALID_ADDRESS = "invalid_address"
    """Empty, not a URL, or neither http nor https."""
    FORBIDDEN_ADDRESS = "forbidden_address"
    """A host on the forbidden list, or an address that is not dialled (private, loopback, …)."""

    DNS_NOT_FOUND = "dns_not_found"
    DNS_FAILED = "dns_failed"
    """No answer, SERVFAIL or REFUSED."""

    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECT_UNREACHABLE = "connect_unreachable"
    CONNECT_RESET = "connect_reset"
    """Closed or reset before the handshake was complete."""
    TLS_FAILED = "tls_failed"
    """Not TLS, no common parameters, or silence during the handshake."""
    TLS_EXPIRED = "tls_expired"
    TLS_INVALID = "tls_invalid"
    """Wrong name, unknown authority, self-signed, or not yet valid."""
    ANSWER_TIMEOUT = "answer_timeout"
    """Connected, but no complete answer in time."""
    ANSWER_BROKEN = "answer_broken"
    """Not HTTP, or cut off."""
    ANSWER_TOO_LARGE = "answer_too_large"
    REDIRECTED = "redirected"
    """A 3xx answer; redirects are not followed."""
    CLIENT_ERROR = "client_error"
    """A 4xx answer."""
    SERVER_ERROR = "server_error"
    """A 5xx answer."""
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"
    """JSON outside the contract of the endpoint."""
    NOT_A_CRN = "not_a_crn"
    """Complete answers, none of which shows a CRN."""

    NO_DESCRIPTORS = "no_descriptors"
    NO_ROUTE = "no_route"
    """No network, or none of the family that the node has."""
    ROUND_DEADLINE = "round_deadline"
    """We ran out of time before the node had its turn, or during it."""
    BLIND = "blind"
    """This vantage could not see in this round, so the failure tells nothing about the node."""
    INTERNAL = "internal"
    """A bug of ours; its traceback is in the log."""

    @property
    def fault(self) -> Fault:
        """Whose fault this failure is."""
        return _FAULTS.get(self, Fault.NODE)

    @property
    def counts(self) -> bool:
        """Whether this failure is evidence against the node."""
        return self.fault in (Fault.NODE, Fault.DNS)

    @property
    def clouded(self) -> bool:
        """Whether a vantage that cannot see would produce this failure by itself.

        True for everything up to and including the handshake, and for every timeout.
        """
        return self in _CLOUDED

    @property
    def hung(self) -> bool:
        """Whether the node kept us waiting until a limit ran out."""
        return self in _HUNG


_FAULTS = {
    Failure.NONE: Fault.NONE,
    Failure.INVALID_ADDRESS: Fault.POLICY,
    Failure.FORBIDDEN_ADDRESS: Fault.POLICY,
    Failure.DNS_NOT_FOUND: Fault.DNS,
    Failure.DNS_FAILED: Fault.DNS,
    Failure.NO_DESCRIPTORS: Fault.VANTAGE,
    Failure.NO_ROUTE: Fault.VANTAGE,
    Failure.ROUND_DEADLINE: Fault.VANTAGE,
    Failure.BLIND: Fault.VANTAGE,
    Failure.INTERNAL: Fault.VANTAGE,
}

_HUNG = frozenset(
    {
        Failure.DNS_FAILED,
        Failure.CONNECT_TIMEOUT,
        Failure.TLS_FAILED,
        Failure.ANSWER_TIMEOUT,
    }
)

_CLOUDED = frozenset(
    {
        Failure.DNS_NOT_FOUND,
        Failure.DNS_FAILED,
        Failure.CONNECT_REFUSED,
        Failure.CONNECT_TIMEOUT,
        Failure.CONNECT_UNREACHABLE,
        Failure.CONNECT_RESET,
        Failure.TLS_FAILED,
        Failure.TLS_EXPIRED,
        Failure.TLS_INVALID,
        Failure.ANSWER_TIMEOUT,
        Failure.NO_ROUTE,
    }
)
