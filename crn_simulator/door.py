"""A listening socket that can be open, shut, or there and never answer."""

import asyncio
import contextlib
import errno
import functools
import ipaddress
import socket
from collections.abc import Callable
from enum import StrEnum

BACKLOG = 4096
PORTS = range(10240, 32768)
"""Where free ports are looked for: below those that systems give to clients."""
_BURST = 64
_RETRY_SECONDS = 0.05


class Way(StrEnum):
    """What somebody who connects meets."""

    OPEN = "open"
    REFUSED = "refused"
    BLACK_HOLE = "black_hole"
    """Connections stay unanswered: the queue of those not yet accepted is full."""


def bind(address: str, port: int, *, again: bool = False) -> socket.socket:
    """A socket bound to a loopback address, not yet listening; `ValueError` for any other.

    again: connections of an earlier listener may linger there. Without it nobody else gets the
    address and port while the socket does not listen: another network would answer in its place.
    """
    ip = ipaddress.ip_address(address)
    if not ip.is_loopback:
        raise ValueError(f"{address} is not a loopback address")
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(again))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


@functools.cache
def has_ipv6() -> bool:
    """Whether this machine has an IPv6 loopback."""
    try:
        bind("::1", 0).close()
    except OSError:
        return False
    return True


class Door:
    """One address and port, for as long as it is not closed.

    accepted: called with every connection, a non-blocking socket.
    """

    __slots__ = ("_accepted", "_loop", "_sock", "address", "port", "way")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        accepted: Callable[[socket.socket], None],
    ) -> None:
        self._loop = loop
        self._accepted = accepted
        self._sock: socket.socket | None = sock
        self.address: str
        self.port: int
        self.address, self.port = sock.getsockname()[:2]
        self.way = Way.REFUSED

    def turn(self, way: Way) -> None:
        """Let newcomers meet something else; `OSError` if the address has been lost."""
        if way is self.way:
            return
        self._stop()
        self.way = way
        if way is Way.REFUSED:
            # The socket goes: one that is merely bound would refuse as well, but one that has
            # listened once cannot stop in any way that every system knows.
            self._drop()
            return
        if self._sock is None:
            self._sock = bind(self.address, self.port, again=True)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if way is Way.BLACK_HOLE:
            self._sock.listen(0)
            _fill(self._sock)
        else:
            self._sock.listen(BACKLOG)
            self._loop.add_reader(self._sock.fileno(), self._accept)

    def close(self) -> None:
        """Give the address up."""
        self._stop()
        self._drop()
        self.way = Way.REFUSED

    def _stop(self) -> None:
        if self.way is Way.BLACK_HOLE:
            self._drain()
        if self._sock is not None and self.way is Way.OPEN:
            self._loop.remove_reader(self._sock.fileno())

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._sock is not None:
                self._sock.accept()[0].close()

    def _drop(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _accept(self) -> None:
        for _ in range(_BURST):
            if self._sock is None or self.way is not Way.OPEN:
                return
            try:
                sock, _peer = self._sock.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                # Without a descriptor the queue cannot be emptied: look away for a moment.
                self._loop.remove_reader(self._sock.fileno())
                self._loop.call_later(_RETRY_SECONDS, self._resume)
                return
            sock.setblocking(False)
            self._accepted(sock)

    def _resume(self) -> None:
        if self._sock is not None and self.way is Way.OPEN:
            self._loop.add_reader(self._sock.fileno(), self._accept)


def _fill(listener: socket.socket) -> None:
    """Take the one place in the queue of a listener.

    A connection keeps its place until it is accepted, even when its other end has closed; so a
    black hole costs no descriptor beyond its listener.
    """
    with socket.socket(listener.family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
