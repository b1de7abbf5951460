"""Every way in which a visit to a node can fail, and what each one means.

A failed probe is a result, not an error. `MEANINGS` is the one place that says what a failure
means; the code, the commands, the documentation and the dashboards are made from it. A failure
without a complete row there does not import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Fault(StrEnum):
    """Who is responsible for a failure. Only `dns` and `node` count against the node."""

    NONE = "none"
    POLICY = "policy"
    """The registered address is one that is never dialled."""
    DNS = "dns"
    """The node's name cannot be resolved."""
    NODE = "node"
    VANTAGE = "vantage"
    """The collector, its host or its network; nothing is known about the node."""

    @property
    def counts_against_node(self) -> bool:
        """Whether a failure with this fault is evidence that the node is down."""
        return self in (Fault.DNS, Fault.NODE)


class Failure(StrEnum):
    """Why a node was not reachable, or why one probe did not succeed. See `MEANINGS`."""

    NONE = "none"
    INVALID_ADDRESS = "invalid_address"
    FORBIDDEN_ADDRESS = "forbidden_address"
    DNS_NOT_FOUND = "dns_not_found"
    DNS_FAILED = "dns_failed"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECT_UNREACHABLE = "connect_unreachable"
    CONNECT_RESET = "connect_reset"
    TLS_FAILED = "tls_failed"
    TLS_EXPIRED = "tls_expired"
    TLS_INVALID = "tls_invalid"
    ANSWER_TIMEOUT = "answer_timeout"
    ANSWER_BROKEN = "answer_broken"
    ANSWER_TOO_LARGE = "answer_too_large"
    REDIRECTED = "redirected"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"
    NOT_A_CRN = "not_a_crn"
    SCREENED = "screened"
    NO_DESCRIPTORS = "no_descriptors"
    NO_ROUTE = "no_route"
    ROUND_DEADLINE = "round_deadline"
    STARVED = "starved"
    BLIND = "blind"
    INTERNAL = "internal"

    @property
    def fault(self) -> Fault:
        """Who is responsible."""
        return MEANINGS[self].fault

    @property
    def counts_against_node(self) -> bool:
        """Whether this failure is evidence that the node is down."""
        return self.fault.counts_against_node

    @property
    def is_slow(self) -> bool:
        """Whether the visit waited for the node until a limit ran out."""
        return MEANINGS[self].slow

    @property
    def is_masked_when_blind(self) -> bool:
        """Whether a vantage that cannot see would cause this failure by itself."""
        return MEANINGS[self].masked_when_blind

    @property
    def is_masked_when_starved(self) -> bool:
        """Whether a process that stands still would cause this failure by itself."""
        return MEANINGS[self].masked_when_starved

    @property
    def title(self) -> str:  # type: ignore[override]  # hides str.title, which no code calls
        """Two or three words for a table or a legend, such as `connection refused`."""
        return MEANINGS[self].title

    @property
    def meaning(self) -> str:
        """What happened, as a sentence."""
        return MEANINGS[self].meaning

    @property
    def cure(self) -> str:
        """What to do about it: for the operator of the collector where the fault is `vantage`,
        for the owner of the node otherwise."""
        return MEANINGS[self].cure


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureMeaning:
    """What one failure means. No field has a default, so that each is a decision."""

    fault: Fault
    slow: bool
    """The visit waited until a limit ran out; next round the node goes through the slow lane."""
    masked_when_blind: bool
    """Recorded as `blind` while the controls fail: everything up to and including the handshake,
    and every timeout."""
    masked_when_starved: bool
    """Recorded as `starved` in a visit during which this process stood still: every timeout, and
    connections that the node closed, since nobody waits for ever for a client that is silent."""
    title: str
    meaning: str
    cure: str


def total(
    failures: Iterable[Failure], meanings: Mapping[Failure, FailureMeaning]
) -> Mapping[Failure, FailureMeaning]:
    """Return the table, read-only.

    Raise ValueError if a failure has no row, a text is empty, or two failures share a title.
    """
    if missing := [str(failure) for failure in failures if failure not in meanings]:
        raise ValueError(f"failures without a meaning: {', '.join(missing)}")
    for failure, row in meanings.items():
        if not (row.title and row.meaning and row.cure):
            raise ValueError(f"failure {failure} lacks a title, a meaning or a cure")
    titles = [row.title for row in meanings.values()]
    if shared := {title for title in titles if titles.count(title) > 1}:
        raise ValueError(f"failures share a title: {', '.join(sorted(shared))}")
    return MappingProxyType(dict(meanings))


MEANINGS: Final = total(
    Failure,
    {
        Failure.NONE: FailureMeaning(
            fault=Fault.NONE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="OK",
            meaning="The node gave a complete answer that shows a compute node.",
            cure="No action required.",
        ),
        Failure.INVALID_ADDRESS: FailureMeaning(
            fault=Fault.POLICY,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="invalid address",
            meaning="The registered address is empty, not a URL, or neither http nor https.",
            cure="Register the node's address again, as an https URL.",
        ),
        Failure.FORBIDDEN_ADDRESS: FailureMeaning(
            fault=Fault.POLICY,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="address not allowed",
            meaning="The address is private, local or reserved, that of the collector's own "
            "machine, or on the list of forbidden hosts; it is never dialled.",
            cure="Register the node's public host name, and let it resolve to a public address.",
        ),
        Failure.DNS_NOT_FOUND: FailureMeaning(
            fault=Fault.DNS,
            slow=False,
            masked_when_blind=True,
            masked_when_starved=False,
            title="name not found",
            meaning="The host name does not exist in DNS, or has no address record.",
            cure="Create the name's A or AAAA record, or register the right name.",
        ),
        Failure.DNS_FAILED: FailureMeaning(
            fault=Fault.DNS,
            slow=True,
            masked_when_blind=True,
            masked_when_starved=True,
            title="DNS lookup failed",
            meaning="The name servers of the domain gave no answer, SERVFAIL or REFUSED.",
            cure="Check the name servers of the domain, its delegation and DNSSEC.",
        ),
        Failure.CONNECT_REFUSED: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=True,
            masked_when_starved=False,
            title="connection refused",
            meaning="The host refused the connection: nothing listens on that port.",
            cure="Start the reverse proxy of the node, and check that it listens on the port of "
            "the registered address.",
        ),
        Failure.CONNECT_TIMEOUT: FailureMeaning(
            fault=Fault.NODE,
            slow=True,
            masked_when_blind=True,
            masked_when_starved=True,
            title="connection timeout",
            meaning="The host did not answer the TCP connection in time.",
            cure="Check that the host is running, that the DNS record is its address, and that its "
            "firewall lets the port through.",
        ),
        Failure.CONNECT_UNREACHABLE: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=True,
            masked_when_starved=False,
            title="host unreachable",
            meaning="The network reports that the host cannot be reached.",
            cure="Check that the host is running, that the DNS record is its address, and that its "
            "provider routes it.",
        ),
        Failure.CONNECT_RESET: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=True,
            masked_when_starved=True,
            title="connection reset",
            meaning="The host closed or reset the connection before the handshake was complete.",
            cure="Check the log and the connection limits of the reverse proxy, and the firewall.",
        ),
        Failure.TLS_FAILED: FailureMeaning(
            fault=Fault.NODE,
            slow=True,
            masked_when_blind=True,
            masked_when_starved=True,
            title="TLS handshake failed",
            meaning="The TLS handshake did not complete: no TLS on that port, no protocol version "
            "or cipher in common, or no answer in time.",
            cure="Check that the reverse proxy serves TLS 1.2 or newer on that port, and that the "
            "host is not overloaded.",
        ),
        Failure.TLS_EXPIRED: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=True,
            masked_when_starved=False,
            title="certificate expired",
            meaning="The TLS certificate has expired, or an intermediate certificate above it; the "
            "detail of the probe says if it is an intermediate one.",
            cure="Renew the certificate, and find out why it was not renewed automatically. For an "
            "intermediate certificate, install the chain that the authority publishes now.",
        ),
        Failure.TLS_INVALID: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=True,
            masked_when_starved=False,
            title="certificate invalid",
            meaning="The TLS certificate is for another name, from an unknown authority, "
            "self-signed, or not yet valid.",
            cure="Install a certificate of a public authority for the registered name, with its "
            "intermediate certificates.",
        ),
        Failure.ANSWER_TIMEOUT: FailureMeaning(
            fault=Fault.NODE,
            slow=True,
            masked_when_blind=True,
            masked_when_starved=True,
            title="response timeout",
            meaning="The connection was made, but no complete response came in time.",
            cure="Check that aleph-vm-supervisor is running and answers the reverse proxy, and the "
            "load of the host.",
        ),
        Failure.ANSWER_BROKEN: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=True,
            title="malformed response",
            meaning="The response is not HTTP, or the connection was closed in the middle of it.",
            cure="Check the logs of the reverse proxy and of aleph-vm-supervisor for crashes.",
        ),
        Failure.ANSWER_TOO_LARGE: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="response too large",
            meaning="The node sent more than an answer may be: too long, split too finely, "
            "or with too many interim answers (1xx).",
            cure="Check that the registered address is that of a compute node, not another site.",
        ),
        Failure.REDIRECTED: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="HTTP redirect",
            meaning="The response is a redirect (3xx), which is not followed.",
            cure="Register the address to which it redirects, or let the reverse proxy answer.",
        ),
        Failure.CLIENT_ERROR: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="HTTP 4xx",
            meaning="The response has a 4xx status.",
            cure="Check that the reverse proxy passes every path to aleph-vm-supervisor, and that "
            "the node runs a recent version.",
        ),
        Failure.SERVER_ERROR: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="HTTP 5xx",
            meaning="The response has a 5xx status.",
            cure="Check that aleph-vm-supervisor is running, and its log.",
        ),
        Failure.NOT_JSON: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="not JSON",
            meaning="The response is not JSON.",
            cure="Check that the reverse proxy passes every path to aleph-vm-supervisor.",
        ),
        Failure.WRONG_SHAPE: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="unexpected JSON",
            meaning="The response is JSON, but not what a compute node answers there.",
            cure="Update aleph-vm-supervisor, and check that the registered address is its own.",
        ),
        Failure.NOT_A_CRN: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="not a CRN",
            meaning="The host answers, but no response shows a compute node.",
            cure="Check that aleph-vm-supervisor is behind the reverse proxy, and that the "
            "registered address is the node's.",
        ),
        Failure.SCREENED: FailureMeaning(
            fault=Fault.NODE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="kept away",
            meaning="A proxy in front of the node answered with HTTP 429 (too many requests) or a "
            "challenge page; it may be the collector's own pace.",
            cure="Let the proxy pass the paths of the node without a challenge, at a visit a "
            "minute. If many nodes are affected, lengthen the interval of the collector.",
        ),
        Failure.NO_DESCRIPTORS: FailureMeaning(
            fault=Fault.VANTAGE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="out of descriptors",
            meaning="The collector had no file descriptor or local port left.",
            cure="Raise the limit of open files (ulimit -n) of the collector.",
        ),
        Failure.NO_ROUTE: FailureMeaning(
            fault=Fault.VANTAGE,
            slow=False,
            masked_when_blind=True,
            masked_when_starved=False,
            title="no route",
            meaning="The collector's host has no route to the node: no network, or no IPv6.",
            cure="Check the network of the collector's host; a node with IPv6 only needs IPv6.",
        ),
        Failure.ROUND_DEADLINE: FailureMeaning(
            fault=Fault.VANTAGE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="round deadline",
            meaning="The round ended before the visit to the node was made or complete.",
            cure="If it happens often, give the collector more processor time, or a longer "
            "interval between rounds.",
        ),
        Failure.STARVED: FailureMeaning(
            fault=Fault.VANTAGE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="collector starved",
            meaning="The collector itself stood still for much of the visit: stopped, or "
            "without processor time.",
            cure="Give the collector more processor time; see whether its machine sleeps, is "
            "paused or is short of memory.",
        ),
        Failure.BLIND: FailureMeaning(
            fault=Fault.VANTAGE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="vantage blind",
            meaning="The collector could not see in that round, so the failure says nothing about "
            "the node.",
            cure="Check network and DNS of the collector's host, and that its controls answer.",
        ),
        Failure.INTERNAL: FailureMeaning(
            fault=Fault.VANTAGE,
            slow=False,
            masked_when_blind=False,
            masked_when_starved=False,
            title="internal error",
            meaning="The visit ended with a bug of the collector.",
            cure="Report the traceback in the collector's log.",
        ),
    },
)
