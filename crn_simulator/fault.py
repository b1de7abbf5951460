"""The faults that a simulated node can have, and what each must lead an observer to conclude.

`OUTCOMES` is the only place that states those conclusions. It is written by hand from the
collector's published words and shares no code with the collector, so that the two can disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Fault(StrEnum):
    """One way in which a node, its name or its entry in the directory is wrong."""

    NONE = "none"
    # The entry in the directory.
    ADDRESS_EMPTY = "address_empty"
    ADDRESS_JUNK = "address_junk"
    ADDRESS_PRIVATE = "address_private"
    ADDRESS_FORBIDDEN_HOST = "address_forbidden_host"
    ADDRESS_HTTP_ONLY = "address_http_only"
    # The name.
    DNS_NOT_FOUND = "dns_not_found"
    DNS_NO_ADDRESS = "dns_no_address"
    DNS_SERVFAIL = "dns_servfail"
    DNS_REFUSED = "dns_refused"
    DNS_SILENT = "dns_silent"
    DNS_PRIVATE_ADDRESS = "dns_private_address"
    # The connection, before TLS.
    REFUSED = "refused"
    BLACK_HOLE = "black_hole"
    RESET_ON_CONNECT = "reset_on_connect"
    CLOSE_ON_CONNECT = "close_on_connect"
    SLOW_ACCEPT = "slow_accept"
    # TLS.
    SILENT_IN_TLS = "silent_in_tls"
    RESET_IN_TLS = "reset_in_tls"
    CLOSE_IN_TLS = "close_in_tls"
    TLS_GARBAGE = "tls_garbage"
    TLS_ALERT = "tls_alert"
    PLAIN_ON_TLS = "plain_on_tls"
    CERT_EXPIRED = "cert_expired"
    CERT_NOT_YET_VALID = "cert_not_yet_valid"
    CERT_SELF_SIGNED = "cert_self_signed"
    CERT_UNKNOWN_AUTHORITY = "cert_unknown_authority"
    CERT_WRONG_NAME = "cert_wrong_name"
    # No complete answer.
    HANG_BEFORE_HEADERS = "hang_before_headers"
    HANG_IN_HEADERS = "hang_in_headers"
    HANG_AFTER_HEADERS = "hang_after_headers"
    SLOW_DRIP = "slow_drip"
    RESET_AFTER_REQUEST = "reset_after_request"
    CLOSE_AFTER_REQUEST = "close_after_request"
    CUT_OFF = "cut_off"
    HTTP_GARBAGE = "http_garbage"
    HUGE_HEADERS = "huge_headers"
    BAD_ENCODING = "bad_encoding"
    ENDLESS_BODY = "endless_body"
    OVERSIZED_BODY = "oversized_body"
    GZIP_BOMB = "gzip_bomb"
    # A complete answer that is not the right one.
    SLOW_ANSWER = "slow_answer"
    REDIRECT = "redirect"
    REDIRECT_PRIVATE = "redirect_private"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    HTML = "html"
    HTML_AS_JSON = "html_as_json"
    EMPTY_BODY = "empty_body"
    TRUNCATED_JSON = "truncated_json"
    INVALID_JSON = "invalid_json"
    NOT_UTF8 = "not_utf8"
    NESTED_JSON = "nested_json"
    NOT_AN_OBJECT = "not_an_object"
    WRONG_TYPES = "wrong_types"
    NAN = "nan"
    HUGE_NUMBERS = "huge_numbers"
    WEB_SERVER = "web_server"


class Phase(StrEnum):
    """Where a fault shows itself."""

    NONE = "none"
    ADDRESS = "address"
    NAME = "name"
    CONNECT = "connect"
    TLS = "tls"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What must be concluded of a node that has a fault on every path.

    phase: where the fault shows.
    check: the failure of a single check that meets it.
    failure, fault: those of the node, when no answer carries `Server: aleph-vm/...`.
    reachable: whether the node shows itself as a compute node all the same.
    final: nothing more is asked of the node in that round once a check met it.
    complete: the answer is complete and below 500, so that with the header kept the node is
        reachable, whatever its body says.
    """

    phase: Phase
    check: str
    failure: str
    fault: str
    reachable: bool = False
    final: bool = False
    complete: bool = False


def _fine(phase: Phase) -> Outcome:
    return Outcome(phase, "none", "none", "none", reachable=True, complete=True)


def _entry(failure: str) -> Outcome:
    return Outcome(Phase.ADDRESS, failure, failure, "policy", final=True)


def _name(failure: str, fault: str = "dns") -> Outcome:
    return Outcome(Phase.NAME, failure, failure, fault, final=True)


def _connect(failure: str) -> Outcome:
    return Outcome(Phase.CONNECT, failure, failure, "node", final=True)


def _tls(failure: str) -> Outcome:
    return Outcome(Phase.TLS, failure, failure, "node", final=True)


def _incomplete(failure: str) -> Outcome:
    return Outcome(Phase.ANSWER, failure, failure, "node", final=failure == "answer_timeout")


def _answer(check: str, failure: str = "not_a_crn", *, complete: bool = True) -> Outcome:
    return Outcome(Phase.ANSWER, check, failure, "node", complete=complete)


OUTCOMES: Mapping[Fault, Outcome] = MappingProxyType(
    {
        Fault.NONE: _fine(Phase.NONE),
        Fault.ADDRESS_EMPTY: _entry("invalid_address"),
        Fault.ADDRESS_JUNK: _entry("invalid_address"),
        Fault.ADDRESS_PRIVATE: _entry("forbidden_address"),
        Fault.ADDRESS_FORBIDDEN_HOST: _entry("forbidden_address"),
        Fault.ADDRESS_HTTP_ONLY: _fine(Phase.ADDRESS),
        Fault.DNS_NOT_FOUND: _name("dns_not_found"),
        Fault.DNS_NO_ADDRESS: _name("dns_not_found"),
        Fault.DNS_SERVFAIL: _name("dns_failed"),
        Fault.DNS_REFUSED: _name("dns_failed"),
        Fault.DNS_SILENT: _name("dns_failed"),
        Fault.DNS_PRIVATE_ADDRESS: _name("forbidden_address", "policy"),
        Fault.REFUSED: _connect("connect_refused"),
        Fault.BLACK_HOLE: _connect("connect_timeout"),
        Fault.RESET_ON_CONNECT: _connect("connect_reset"),
        Fault.CLOSE_ON_CONNECT: _connect("connect_reset"),
        Fault.SLOW_ACCEPT: _fine(Phase.CONNECT),
        Fault.SILENT_IN_TLS: _tls("tls_failed"),
        Fault.RESET_IN_TLS: _tls("connect_reset"),
        Fault.CLOSE_IN_TLS: _tls("connect_reset"),
        Fault.TLS_GARBAGE: _tls("tls_failed"),
        Fault.TLS_ALERT: _tls("tls_failed"),
        Fault.PLAIN_ON_TLS: _tls("tls_failed"),
        Fault.CERT_EXPIRED: _tls("tls_expired"),
        Fault.CERT_NOT_YET_VALID: _tls("tls_invalid"),
        Fault.CERT_SELF_SIGNED: _tls("tls_invalid"),
        Fault.CERT_UNKNOWN_AUTHORITY: _tls("tls_invalid"),
        Fault.CERT_WRONG_NAME: _tls("tls_invalid"),
        Fault.HANG_BEFORE_HEADERS: _incomplete("answer_timeout"),
        Fault.HANG_IN_HEADERS: _incomplete("answer_timeout"),
        Fault.HANG_AFTER_HEADERS: _incomplete("answer_timeout"),
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
        Fault.SLOW_ANSWER: _fine(Phase.ANSWER),
        Fault.REDIRECT: _answer("redirected", "redirected"),
        Fault.REDIRECT_PRIVATE: _answer("redirected", "redirected"),
        Fault.CLIENT_ERROR: _answer("client_error"),
        Fault.SERVER_ERROR: _answer("server_error", "server_error", complete=False),
        Fault.UNAVAILABLE: _answer("server_error", "server_error", complete=False),
        Fault.HTML: _answer("not_json"),
        Fault.HTML_AS_JSON: _answer("not_json"),
        Fault.EMPTY_BODY: _answer("not_json"),
        Fault.TRUNCATED_JSON: _answer("not_json"),
        Fault.INVALID_JSON: _answer("not_json"),
        Fault.NOT_UTF8: _answer("not_json"),
        Fault.NESTED_JSON: _answer("not_json"),
        Fault.NOT_AN_OBJECT: _answer("wrong_shape"),
        Fault.WRONG_TYPES: _answer("wrong_shape"),
        Fault.NAN: _answer("wrong_shape"),
        Fault.HUGE_NUMBERS: _answer("wrong_shape"),
        Fault.WEB_SERVER: _answer("client_error"),
    }
)

ANSWER_FAULTS = frozenset(f for f, outcome in OUTCOMES.items() if outcome.phase is Phase.ANSWER)
"""Those that show only in an answer, and so may concern some paths of a node and not others."""
