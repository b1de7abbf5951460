"""When each phase of a probe began, recorded by the connector, its sockets and its connections.

The session is shared by all nodes. Its parts find the trace of the node that they work for in a
context variable, which asyncio passes to every task and callback that a visit starts.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum
from time import perf_counter
from typing import Final

from collector.model.observation import Phases
from collector.probe.allowance import Allowance

MOST_HANDSHAKES: Final = 3
"""Of one visit. It is one, unless the node hangs up after an answer, or one of several addresses of
its name breaks the handshake off."""


class Phase(IntEnum):
    """How far a probe got."""

    START = 0
    DNS = 1
    TCP = 2
    TLS = 3
    ANSWER = 4


@dataclass(slots=True)
class ConnectionTrace:
    """Times of the current probe in monotonic seconds, and facts about the node's connection."""

    allowance: Allowance = field(default_factory=lambda: Allowance.for_bodies(0))
    """What the node has sent in all probes, and may send."""
    dns_at: float | None = None
    resolved_at: float | None = None
    tcp_at: float | None = None
    tls_at: float | None = None
    connected_at: float | None = None
    sent_at: float | None = None
    first_byte_at: float | None = None
    handshakes: int = 0
    """TLS handshakes begun in all probes."""
    addresses: list[str] = field(default_factory=list)
    """Every address of the node's name, of both families."""
    dialled: list[str] = field(default_factory=list)
    """Every address that a socket was created for, in order."""
    cert_expires_at: float | None = None
    """End of the certificate's validity, in seconds since 1970."""
    transport: asyncio.Transport | None = None
    """The connection of this probe; None before it is open."""
    tls_error: ssl.SSLError | None = None
    """Why the last handshake of this probe failed, if TLS reported it."""
    expired_authority: str = ""
    """Which certificate has expired, in words, if it is not the node's own."""
    handshake_failed: OSError | None = None
    """Why an address accepted TCP but no handshake, so that the next address was dialled."""
    connect_error: OSError | None = None
    """Why the first address that was dialled accepted no connection."""
    _sockets: list[tuple[socket.socket, int | None]] = field(default_factory=list)
    """Sockets created in this probe, with the inode of each."""

    def begin(self) -> None:
        """Reset the times: the next probe begins."""
        self.allowance.begin_request()
        self.dns_at = self.resolved_at = self.tcp_at = self.tls_at = None
        self.connected_at = self.sent_at = self.first_byte_at = None
        self.transport = None
        self.tls_error = self.handshake_failed = self.connect_error = None
        self.expired_authority = ""
        self._sockets.clear()

    @property
    def phase(self) -> Phase:
        """The phase that the probe has reached."""
        if self.connected_at is not None:
            return Phase.ANSWER
        if self.tls_at is not None:
            return Phase.TLS
        if self.tcp_at is not None:
            return Phase.TCP
        return Phase.DNS if self.dns_at is not None else Phase.START

    @property
    def explanation(self) -> str:
        """What is known of a failure that its error does not say; empty if nothing is."""
        return self.allowance.exceeded or self.expired_authority

    def phases(self) -> Phases:
        """Return the durations of the phases of this probe."""
        handshake = self.tls_at if self.tls_at is not None else self.connected_at
        return Phases(
            dns_seconds=_between(self.dns_at, self.resolved_at),
            tcp_seconds=_between(self.tcp_at, handshake),
            tls_seconds=_between(self.tls_at, self.connected_at),
            ttfb_seconds=_between(self.sent_at, self.first_byte_at),
        )

    def resolving(self) -> None:
        """Record that a name is being resolved."""
        self.dns_at = perf_counter()

    def resolved(self, addresses: list[str]) -> None:
        """Record the addresses that the name resolved to."""
        self.resolved_at = perf_counter()
        self.addresses = addresses

    def dialling(self, address: str) -> None:
        """Record that a socket is being connected.

        Of several addresses that are tried in turn the first one counts; an address that is tried
        after a failed handshake starts the TCP time again.
        """
        self.dialled.append(address)
        if self.tls_at is not None and self.handshake_failed is None:
            self.handshake_failed = self.tls_error or ConnectionResetError()
        if self.tcp_at is None or self.tls_at is not None:
            self.tcp_at = perf_counter()
            self.tls_at = None

    def connected(self, transport: asyncio.Transport) -> None:
        """Record that a connection is ready, opened for this probe or kept from the last one."""
        self.connected_at = perf_counter()
        self.transport = transport

    def sent(self) -> None:
        """Record that the request is sent."""
        self.sent_at = perf_counter()

    def answering(self) -> bool:
        """Record that the head of an answer has come; return whether it is allowed."""
        self.first_byte_at = perf_counter()
        return self.allowance.add_head()

    @property
    def may_dial(self) -> bool:
        """Whether a connection may be opened.

        aiohttp repeats a GET whose connection breaks: a probe never retries. Nor is a node dialled
        that has sent too much, or that took all the handshakes of a visit.
        """
        is_repeated = self.sent_at is not None
        return not (self.allowance.exceeded or is_repeated or self.handshakes >= MOST_HANDSHAKES)

    def socket_created(self, dialled: socket.socket) -> None:
        """Record a socket that was created for this probe."""
        self._sockets.append((dialled, _inode(dialled.fileno())))

    def connect_failed(self, dialled: socket.socket, error: OSError) -> None:
        """Record why a socket of this probe was not connected."""
        if self._sockets and self._sockets[0][0] is dialled:
            self.connect_error = error

    def abort(self) -> None:
        """Close the connection of this probe at once and release its sockets.

        A regular close would let uvloop read for up to 30 s what the node still sends. When a
        connection is reset early, uvloop closes the descriptor while the socket object keeps its
        number and would close it a second time, when another file may have it: such a socket is
        detached.
        """
        if self.transport:
            self.transport.abort()
        self.transport = None
        for dialled, inode in self._sockets:
            if dialled.fileno() >= 0 and _inode(dialled.fileno()) != inode:
                dialled.detach()
        self._sockets.clear()

    def handshake_started(self) -> None:
        """Record that the TLS handshake begins."""
        self.tls_at = perf_counter()
        self.handshakes += 1


def _inode(descriptor: int) -> int | None:
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return None


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start


TRACE: ContextVar[ConnectionTrace] = ContextVar("trace")
"""The trace of the visit that the current task belongs to."""
