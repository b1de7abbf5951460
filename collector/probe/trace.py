"""The trail of one check: when each phase began, kept by public hooks of aiohttp and ssl.

The session is shared by all nodes, so its hooks find the trail of their own node in a context
variable, which asyncio hands to every task and callback that a look starts.
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

from collector.model.observation import Phases


class Phase(IntEnum):
    """How far a check got."""

    START = 0
    DNS = 1
    TCP = 2
    TLS = 3
    ANSWER = 4


@dataclass(slots=True)
class ConnectionTrace:
    """Stamps (monotonic seconds) of the check under way, and what the node turned out to be."""

    dns_at: float | None = None
    resolved_at: float | None = None
    tcp_at: float | None = None
    tls_at: float | None = None
    connected_at: float | None = None
    sent_at: float | None = None
    first_byte_at: float | None = None
    fresh: bool = True
    """The connection of this check was made for it."""
    handshakes: int = 0
    addresses: list[str] = field(default_factory=list)
    """Every address of the node's name, of both families."""
    dialled: list[str] = field(default_factory=list)
    """Every address that a socket was made for, the last one last."""
    cert_expires_at: float | None = None
    """Epoch seconds."""
    transport: asyncio.Transport | None = None
    """The connection of this check, once there is one."""
    tls_error: ssl.SSLError | None = None
    """Why the last handshake of this check failed, if TLS itself said so."""
    handshake_failed: OSError | None = None
    """Why an address of this check took TCP and no handshake, so that another one was dialled."""
    refusal: OSError | None = None
    """Why the first address that this check dialled took no connection, once it said so."""
    _sockets: list[tuple[socket.socket, int | None]] = field(default_factory=list)
    """Those made in this check, with the inode of each."""

    def begin(self) -> None:
        """Forget the stamps: another check begins."""
        self.dns_at = self.resolved_at = self.tcp_at = self.tls_at = None
        self.connected_at = self.sent_at = self.first_byte_at = None
        self.fresh = True
        self.transport = None
        self.tls_error = self.handshake_failed = self.refusal = None
        self._sockets.clear()

    @property
    def phase(self) -> Phase:
        """The phase that the check has reached."""
        if self.connected_at is not None:
            return Phase.ANSWER
        if self.tls_at is not None:
            return Phase.TLS
        if self.tcp_at is not None:
            return Phase.TCP
        return Phase.DNS if self.dns_at is not None else Phase.START

    def phases(self) -> Phases:
        """The durations of the phases of this check."""
        handshake = self.tls_at if self.tls_at is not None else self.connected_at
        return Phases(
            dns_seconds=_between(self.dns_at, self.resolved_at),
            tcp_seconds=_between(self.tcp_at, handshake),
            tls_seconds=_between(self.tls_at, self.connected_at),
            ttfb_seconds=_between(self.sent_at, self.first_byte_at),
        )

    def resolving(self) -> None:
        """A name is being resolved."""
        self.dns_at = perf_counter()

    def resolved(self, addresses: list[str]) -> None:
        """The name has these addresses."""
        self.resolved_at = perf_counter()
        self.addresses = addresses

    def dialling(self, address: str) -> None:
        """A socket is being connected. Of several addresses that are tried in turn the first one
        is stamped; another one after a handshake that failed begins anew."""
        self.dialled.append(address)
        if self.tls_at is not None and self.handshake_failed is None:
            self.handshake_failed = self.tls_error or ConnectionResetError()
        if self.tcp_at is None or self.tls_at is not None:
            self.tcp_at = perf_counter()
            self.tls_at = None

    def connected(self, fresh: bool) -> None:
        """A connection is at hand: made for this check, or left by the one before."""
        self.connected_at = perf_counter()
        self.fresh = fresh

    @property
    def repeating(self) -> bool:
        """The request was sent on a connection made for it, and another one is being made.

        aiohttp repeats a GET when its connection breaks. That is right for a connection that was
        left idle, but a probe never retries.
        """
        return self.sent_at is not None and self.fresh

    def made(self, dialled: socket.socket) -> None:
        """A socket was made for this check."""
        self._sockets.append((dialled, _inode(dialled.fileno())))

    def refused(self, dialled: socket.socket, error: OSError) -> None:
        """A socket that was made for this check was not connected."""
        if self._sockets and self._sockets[0][0] is dialled:
            self.refusal = error

    def hang_up(self) -> None:
        """Close the connection of this check at once, and let go of the sockets of the loop.

        aiohttp closes politely, and uvloop would then go on reading what the node still sends, for
        30 s. Of a connection that is reset at once uvloop closes the descriptor and leaves its
        number to the socket, which would close it again, whatever else has that number by then.
        """
        if self.transport:
            self.transport.abort()
        self.transport = None
        for dialled, inode in self._sockets:
            if dialled.fileno() >= 0 and _inode(dialled.fileno()) != inode:
                dialled.detach()
        self._sockets.clear()

    def shaking(self) -> None:
        """The TLS handshake begins."""
        self.tls_at = perf_counter()
        self.handshakes += 1


def _inode(descriptor: int) -> int | None:
    try:
        return os.fstat(descriptor).st_ino
    except OSError:
        return None


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start


TRACE: ContextVar[ConnectionTrace] = ContextVar("trail")
"""The trail of the node that the current task looks at."""
