"""What an observer must find when it meets a fault: one table.

It is written by hand from the collector's published documentation and shares no code with the
collector, so that the two can disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crn_simulator.script.fault import Fault, FaultPhase


@dataclass(frozen=True, slots=True)
class FaultEffect:
    """The expected findings about a node that has a fault on every path.

    phase: the step of a visit at which the fault shows.
    probe_failure: the failure of a single probe that meets it.
    failure, fault: those of the node, when no response carries `Server: aleph-vm/...`.
    reachable: the node is recognised as a compute node all the same.
    ends_visit: no further request is made to the node in that round.
    complete: the response is complete and below 500; with the node's own `Server` header it makes
        the node reachable, whatever its body holds.
    unread: parts of the usage that cannot be read, of `disk` and `gpus`; the rest can.
    """

    phase: FaultPhase
    probe_failure: str
    failure: str
    fault: str
    reachable: bool = False
    ends_visit: bool = False
    complete: bool = False
    unread: frozenset[str] = frozenset()


def _harmless(phase: FaultPhase) -> FaultEffect:
    return FaultEffect(phase, "none", "none", "none", reachable=True, complete=True)


def _address(failure: str) -> FaultEffect:
    return FaultEffect(FaultPhase.ADDRESS, failure, failure, "policy", ends_visit=True)


def _name(failure: str, fault: str = "dns") -> FaultEffect:
    return FaultEffect(FaultPhase.NAME, failure, failure, fault, ends_visit=True)


def _connect(failure: str) -> FaultEffect:
    return FaultEffect(FaultPhase.CONNECT, failure, failure, "node", ends_visit=True)


def _tls(failure: str) -> FaultEffect:
    return FaultEffect(FaultPhase.TLS, failure, failure, "node", ends_visit=True)


def _incomplete(failure: str, *, ends_visit: bool = False) -> FaultEffect:
    ends_visit = ends_visit or failure == "answer_timeout"
    return FaultEffect(FaultPhase.ANSWER, failure, failure, "node", ends_visit=ends_visit)


def _response(
    probe_failure: str, failure: str = "not_a_crn", *, complete: bool = True
) -> FaultEffect:
    return FaultEffect(FaultPhase.ANSWER, probe_failure, failure, "node", complete=complete)


def _in_part(*unread: str) -> FaultEffect:
    return FaultEffect(
        FaultPhase.ANSWER,
        "wrong_shape",
        "none",
        "none",
        reachable=True,
        complete=True,
        unread=frozenset(unread),
    )


FAULT_EFFECTS: Mapping[Fault, FaultEffect] = MappingProxyType(
    {
        Fault.NONE: _harmless(FaultPhase.NONE),
        Fault.ADDRESS_EMPTY: _address("invalid_address"),
        Fault.ADDRESS_JUNK: _address("invalid_address"),
        Fault.ADDRESS_PRIVATE: _address("forbidden_address"),
        Fault.ADDRESS_FORBIDDEN_HOST: _address("forbidden_address"),
        Fault.ADDRESS_HTTP_ONLY: _harmless(FaultPhase.ADDRESS),
        Fault.DNS_NOT_FOUND: _name("dns_not_found"),
        Fault.DNS_NO_ADDRESS: _name("dns_not_found"),
        Fault.DNS_SERVFAIL: _name("dns_failed"),
        Fault.DNS_REFUSED: _name("dns_failed"),
        Fault.DNS_SILENT: _name("dns_failed"),
        Fault.DNS_PRIVATE_ADDRESS: _name("forbidden_address", "policy"),
        Fault.DNS_MANY_ADDRESSES: _connect("connect_refused"),
        Fault.REFUSED: _connect("connect_refused"),
        Fault.BLACK_HOLE: _connect("connect_timeout"),
        Fault.RESET_ON_CONNECT: _connect("connect_reset"),
        Fault.CLOSE_ON_CONNECT: _connect("connect_reset"),
        Fault.SLOW_ACCEPT: _harmless(FaultPhase.CONNECT),
        Fault.SILENT_IN_TLS: _tls("tls_failed"),
        Fault.RESET_IN_TLS: _tls("connect_reset"),
        Fault.CLOSE_IN_TLS: _tls("connect_reset"),
        Fault.TLS_GARBAGE: _tls("tls_failed"),
        Fault.TLS_ALERT: _tls("tls_failed"),
        Fault.PLAIN_ON_TLS: _tls("tls_failed"),
        Fault.TLS_DRIP: _tls("tls_failed"),
        Fault.CERT_EXPIRED: _tls("tls_expired"),
        Fault.CERT_INTERMEDIATE_EXPIRED: _tls("tls_expired"),
        Fault.CERT_NOT_YET_VALID: _tls("tls_invalid"),
        Fault.CERT_SELF_SIGNED: _tls("tls_invalid"),
        Fault.CERT_UNKNOWN_AUTHORITY: _tls("tls_invalid"),
        Fault.CERT_WRONG_NAME: _tls("tls_invalid"),
        Fault.CERT_HUGE_CHAIN: _tls("tls_failed"),
        Fault.HANG_BEFORE_HEADERS: _incomplete("answer_timeout"),
        Fault.HANG_IN_HEADERS: _incomplete("answer_timeout"),
        Fault.HEADER_DRIP: _incomplete("answer_timeout"),
        Fault.HANG_AFTER_HEADERS: _incomplete("answer_timeout"),
        Fault.HANG_IN_BODY: _incomplete("answer_timeout"),
        Fault.SLOW_DRIP: _incomplete("answer_timeout"),
        Fault.RESET_AFTER_REQUEST: _incomplete("answer_broken"),
        Fault.CLOSE_AFTER_REQUEST: _incomplete("answer_broken"),
        Fault.CUT_OFF: _incomplete("answer_broken"),
        Fault.HTTP_GARBAGE: _incomplete("answer_broken"),
        Fault.HUGE_HEADERS: _incomplete("answer_broken"),
        Fault.BAD_ENCODING: _incomplete("answer_broken"),
        Fault.ENDLESS_BODY: _incomplete("answer_too_large"),
        Fault.OVERSIZED_BODY: _incomplete("answer_too_large"),
        Fault.GZIP_BOMB: _incomplete("answer_too_large"),
        Fault.INTERIM_FLOOD: _incomplete("answer_too_large", ends_visit=True),
        Fault.CHUNK_FLOOD: _incomplete("answer_too_large", ends_visit=True),
        Fault.SLOW_ANSWER: _harmless(FaultPhase.ANSWER),
        Fault.REDIRECT: _response("redirected", "redirected"),
        Fault.REDIRECT_PRIVATE: _response("redirected", "redirected"),
        Fault.CLIENT_ERROR: _response("client_error"),
        Fault.TOO_MANY_REQUESTS: _response("screened", "screened"),
        Fault.CHALLENGE: _response("screened", "screened"),
        Fault.SERVER_ERROR: _response("server_error", "server_error", complete=False),
        Fault.UNAVAILABLE: _response("server_error", "server_error", complete=False),
        Fault.HTML: _response("not_json"),
        Fault.HTML_AS_JSON: _response("not_json"),
        Fault.EMPTY_BODY: _response("not_json"),
        Fault.TRUNCATED_JSON: _response("not_json"),
        Fault.INVALID_JSON: _response("not_json"),
        Fault.NOT_UTF8: _response("not_json"),
        Fault.NESTED_JSON: _response("not_json"),
        Fault.NOT_AN_OBJECT: _response("wrong_shape"),
        Fault.WRONG_TYPES: _response("wrong_shape"),
        Fault.NAN: _response("wrong_shape"),
        Fault.HUGE_NUMBERS: _response("wrong_shape"),
        Fault.WEB_SERVER: _response("client_error"),
        Fault.NULL_BLOCKS: _in_part("gpus"),
        Fault.BAD_FIELDS: _in_part("disk"),
        Fault.NULL_GPU: _in_part("gpus"),
        Fault.TOO_MANY_GPUS: _in_part("gpus"),
        Fault.WHOLE_FLOATS: _harmless(FaultPhase.ANSWER),
        Fault.BYTE_ORDER_MARK: _harmless(FaultPhase.ANSWER),
    }
)

ANSWER_FAULTS = frozenset(
    f for f, effect in FAULT_EFFECTS.items() if effect.phase is FaultPhase.ANSWER
)
"""Faults that show only in a response, and so may affect some paths of a node and not others."""
