"""Connections to nodes: TLS and HTTP that stop when a node sends more than its allowance.

The allowance is that of the visit in whose context a connection is opened. Connections that belong
to no visit (to the network's API) have none.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

from collector.probe.classify import is_expiry
from collector.probe.trace import TRACE, ConnectionTrace

_CIPHERS: Final = "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
"""Python's own list without DHE, where the server chooses the numbers: with 8,192 bits a handshake
took 229 ms of processor time here instead of 1."""
_CHAIN: Final = 10
"""Certificates of a chain that are read for an explanation."""
_SLICE_BYTES: Final = 1024
"""What the parser gets at a time, so that a limit is noticed before many answers were parsed."""


class _BoundedTls(ssl.SSLObject):
    """TLS that counts what it reads, and records in the trace why a handshake failed."""

    trace: ConnectionTrace | None = None
    incoming: ssl.MemoryBIO
    """What the event loop received and TLS has not read yet."""

    def do_handshake(self) -> None:
        """Do what the base class does."""
        if self.trace is None:
            return super().do_handshake()
        pending = self.incoming.pending
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            self._count(self.trace, pending, 0)
            raise
        except ssl.SSLError as exc:
            self.trace.tls_error = exc
            if isinstance(exc, ssl.SSLCertVerificationError) and is_expiry(exc):
                self.trace.expired_authority = _expired_authority(self)
            raise

    def read(self, *args: Any) -> Any:
        """Do what the base class does: return content, or its length if it goes into a buffer."""
        if self.trace is None:
            return super().read(*args)
        pending = self.incoming.pending
        try:
            content: bytes | int = super().read(*args)
        except ssl.SSLWantReadError:
            self._count(self.trace, pending, 0)
            raise
        self._count(self.trace, pending, content if isinstance(content, int) else len(content))
        return content

    def _count(self, trace: ConnectionTrace, pending: int, content_bytes: int) -> None:
        if not trace.allowance.add_read(pending - self.incoming.pending, content_bytes):
            trace.tls_error = ssl.SSLError(trace.allowance.exceeded)
            raise trace.tls_error


class TimedContext(ssl.SSLContext):
    """A client context whose connections belong to the visit that opens them."""

    sslobject_class = _BoundedTls

    def wrap_bio(self, incoming: ssl.MemoryBIO, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Do what the base class does. asyncio and uvloop call it when TCP is connected."""
        wrapped = super().wrap_bio(incoming, *args, **kwargs)
        if (trace := TRACE.get(None)) and isinstance(wrapped, _BoundedTls):
            wrapped.trace, wrapped.incoming = trace, incoming
            trace.handshake_started()
        return wrapped


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return a client context that trusts the system's authorities and those of `ca_file`.

    Raise OSError or ssl.SSLError if the file cannot be read as certificates.
    """
    context = TimedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION  # each is a handshake more, at the node's wish
    context.load_default_certs()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def _expired_authority(tls: ssl.SSLObject) -> str:
    """Return in words which certificate has expired; empty if it is the node's own, or not known.

    OpenSSL says at which certificate of the chain it stopped, the ssl module does not pass it on.
    """
    chain = getattr(tls, "_sslobj").get_unverified_chain() or ()  # noqa: B009  public from 3.13 on
    certificates = [certificate.get_info() for certificate in chain[:_CHAIN]]
    now = time.time()
    expired = [c for c in certificates if ssl.cert_time_to_seconds(c["notAfter"]) < now]
    if not certificates or certificates[0] in expired:
        return ""
    if not expired:
        return "the certificate of an authority has expired, not the node's own"
    names = {key: value for part in expired[0]["subject"] for key, value in part}
    name = names.get("commonName", "without a name")
    return (
        f"the intermediate certificate {name} has expired ({expired[0]['notAfter']}), "
        "not the node's own"
    )


class BoundedHttp(ResponseHandler):
    """aiohttp's parser of answers; it hangs up when the allowance is exceeded."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._trace = TRACE.get(None)
        self._is_plain = True
        self.is_used = False
        """Whether a request was sent on it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Do what the base class does. Event loops call it when TLS is ready."""
        self._is_plain = transport.get_extra_info("sslcontext") is None
        super().connection_made(transport)
        if self._trace and self.transport:
            self._trace.connected(self.transport)

    def set_response_params(self, **options: Any) -> None:
        """Do what the base class does. aiohttp calls it right before it sends a request."""
        self.is_used = True
        if trace := TRACE.get(None):
            trace.sent()
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        """Do what the base class does, slice by slice."""
        if self._trace is None or not data:  # no data: the parser resumes after a pause
            super().data_received(data)
            return
        allowance = self._trace.allowance
        if self._is_plain:
            allowance.add_read(len(data), len(data))
        for start in range(0, len(data), _SLICE_BYTES):
            part = data[start : start + _SLICE_BYTES]
            if allowance.add_content(part):
                super().data_received(part)
            if allowance.exceeded:
                self._hang_up(allowance.exceeded)
                return
            if (error := self.exception()) is not None:
                self._break_body(error)
                return

    def feed_data(self, data: Any, size: int = 0) -> None:
        """Do what the base class does: take over the head of an answer."""
        if self._trace is None or self._trace.answering():
            super().feed_data(data, size)

    def _break_body(self, error: BaseException) -> None:
        """End the wait for the rest of a body that is not HTTP: aiohttp would wait for ever."""
        if self._payload is not None and not self._payload.is_eof():
            words = " ".join(getattr(error, "message", str(error)).split())
            self._payload.set_exception(aiohttp.ClientPayloadError(words))

    def _hang_up(self, reason: str) -> None:
        """Close the connection, and end the wait for an answer or the rest of its body."""
        payload, error = self._payload, ConnectionAbortedError(reason)
        self.set_exception(error)
        if payload is not None:
            payload.set_exception(error)
        if self.transport is not None:
            self.transport.abort()
