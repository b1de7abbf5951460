"""From an exception, and the phase in which it came, to a failure.

By type and error number, never by the text of an error.
"""

from __future__ import annotations

import errno
import logging
import ssl
from typing import Final

import aiohttp

from collector.model.failure import Failure
from collector.probe.policy import FORBIDDEN_ERRNO
from collector.probe.resolver import FamilyMissingError, NameNotFoundError
from collector.probe.routes import has_route
from collector.probe.trace import ConnectionTrace, Phase

log = logging.getLogger(__name__)

_CERT_HAS_EXPIRED: Final = 10

_TIMEOUTS: Final = {
    Phase.DNS: Failure.DNS_FAILED,
    Phase.TCP: Failure.CONNECT_TIMEOUT,
    Phase.TLS: Failure.TLS_FAILED,
    Phase.ANSWER: Failure.ANSWER_TIMEOUT,
}

_ERRNOS: Final = {
    FORBIDDEN_ERRNO: Failure.FORBIDDEN_ADDRESS,
    errno.EMFILE: Failure.NO_DESCRIPTORS,
    errno.ENFILE: Failure.NO_DESCRIPTORS,
    errno.ENOBUFS: Failure.NO_DESCRIPTORS,
    errno.EADDRNOTAVAIL: Failure.NO_DESCRIPTORS,
    errno.ECONNREFUSED: Failure.CONNECT_REFUSED,
    errno.ECONNRESET: Failure.CONNECT_RESET,
    errno.ECONNABORTED: Failure.CONNECT_RESET,
    errno.EPIPE: Failure.CONNECT_RESET,
    errno.ETIMEDOUT: Failure.CONNECT_TIMEOUT,
    errno.EHOSTUNREACH: Failure.CONNECT_UNREACHABLE,
    errno.ENETUNREACH: Failure.CONNECT_UNREACHABLE,
    errno.ENETDOWN: Failure.NO_ROUTE,
    errno.EACCES: Failure.NO_ROUTE,
    errno.EPERM: Failure.NO_ROUTE,
    errno.EAFNOSUPPORT: Failure.NO_ROUTE,
}
"""EADDRNOTAVAIL means that no local port is free, if there is a route at all; EACCES and EPERM come
from a packet filter on this machine."""

_NO_ROUTE: Final = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL})
"""Errors of a machine without a route to an address, for example with IPv6 switched off."""


def classify(exc: BaseException, trace: ConnectionTrace) -> Failure:
    """Return the failure that an exception of a probe stands for.

    The order of the cases matters: `ConnectionTimeoutError` is also a `ClientError`,
    `ClientSSLError` a `ClientConnectorError`, `ContentTypeError` a `ClientResponseError`. An
    unexpected exception is logged with its traceback and is `internal`.

    What a connection ends with that was hung up on is of no interest: the node sent too much.
    Of several addresses, the first that accepted TCP but no handshake decides; else the first that
    was dialled, if a later one stayed silent until the timeout (an IPv6 record that leads nowhere
    is common).
    """
    if trace.allowance.exceeded:
        return Failure.ANSWER_TOO_LARGE if trace.phase is Phase.ANSWER else Failure.TLS_FAILED
    if trace.handshake_failed is not None and trace.phase is not Phase.ANSWER:
        return os_failure(trace.handshake_failed, trace)
    if trace.connect_error and trace.phase is Phase.TCP and isinstance(exc, TimeoutError):
        return os_failure(trace.connect_error, trace)
    match exc:
        case aiohttp.InvalidURL():
            return Failure.INVALID_ADDRESS
        case TimeoutError() if not isinstance(exc, aiohttp.ClientOSError):
            if trace.phase in _TIMEOUTS:
                return _TIMEOUTS[trace.phase]
            if trace.dialled:  # an earlier probe left no time for this one
                return Failure.ANSWER_TIMEOUT
        case aiohttp.ClientConnectorDNSError():
            return _name_failure(exc.os_error)
        case aiohttp.ClientConnectorCertificateError():
            return _certificate_failure(exc.certificate_error)
        case aiohttp.ClientSSLError():
            return _certificate_failure(exc.os_error)
        case aiohttp.ClientConnectorError() if trace.sent_at is not None:
            return Failure.ANSWER_BROKEN
        case aiohttp.ClientConnectorError():
            return os_failure(exc.os_error, trace)
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return Failure.ANSWER_BROKEN
        case ConnectionRefusedError():
            return Failure.CONNECT_REFUSED
        case aiohttp.ClientConnectionError() | ConnectionError():
            late = trace.phase is Phase.ANSWER
            return Failure.ANSWER_BROKEN if late else Failure.CONNECT_RESET
        case aiohttp.ClientError() if trace.phase is Phase.ANSWER:
            return Failure.ANSWER_BROKEN
        case OSError():
            return os_failure(exc, trace)
    log.error("unexpected error while visiting a node", exc_info=exc)
    return Failure.INTERNAL


def _name_failure(error: OSError) -> Failure:
    match error:
        case NameNotFoundError():
            return Failure.DNS_NOT_FOUND
        case FamilyMissingError():
            return Failure.NO_ROUTE
        case _:
            return Failure.DNS_FAILED


def _certificate_failure(error: BaseException) -> Failure:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return Failure.TLS_FAILED
    return Failure.TLS_EXPIRED if is_expiry(error) else Failure.TLS_INVALID


def is_expiry(error: ssl.SSLCertVerificationError) -> bool:
    """Return whether a certificate of the chain has expired: the node's, or one above it."""
    return error.verify_code == _CERT_HAS_EXPIRED


def os_failure(error: OSError, trace: ConnectionTrace) -> Failure:
    """Return the failure that an error of the operating system while connecting stands for.

    Several addresses that failed for different reasons leave no error number: unreachable.
    """
    match error:
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return Failure.CONNECT_RESET
        case ssl.SSLError():
            return _certificate_failure(error)
        case TimeoutError():
            return Failure.CONNECT_TIMEOUT
    if error.errno in _NO_ROUTE and not any(map(has_route, trace.dialled)):
        return Failure.NO_ROUTE
    if error.errno is None and trace.phase is Phase.TLS:
        return Failure.CONNECT_RESET
    return _ERRNOS.get(error.errno or 0, Failure.CONNECT_UNREACHABLE)
