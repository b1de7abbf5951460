"""A listening address that accepts, refuses or ignores connections."""

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
"""Ports to listen on: below those that systems give to clients."""
_BURST = 64
_RETRY_SECONDS = 0.05


class ListenerMode(StrEnum):
    """What happens to new connections."""

    OPEN = "open"
    REFUSED = "refused"
    BLACK_HOLE = "black_hole"
    """They stay unanswered: the backlog of the listener is full."""


def bind(address: str, port: int, *, reuse: bool = False) -> socket.socket:
    """Return a non-blocking socket bound to a loopback address, not yet listening.

    reuse: allow connections of an earlier listener in TIME_WAIT. Without it no other socket gets
        the address and port while this one does not listen; another network could take them.

    Raise `ValueError` if the address is not loopback, `OSError` if it cannot be bound.
    """
    ip = ipaddress.ip_address(address)
    if not ip.is_loopback:
        raise ValueError(f"{address} is not a loopback address")
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


@functools.cache
def has_ipv6() -> bool:
    """Return whether this machine has an IPv6 loopback address."""
    try:
        bind("::1", 0).close()
    except OSError:
        return False
    return True


class Listener:
    """Listens on one address and port until closed; it starts by refusing.

    on_accept: called with each new connection, a non-blocking socket.
    """

    __slots__ = ("_loop", "_on_accept", "_sock", "address", "mode", "port")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        on_accept: Callable[[socket.socket], None],
    ) -> None:
        self._loop = loop
        self._on_accept = on_accept
        self._sock: socket.socket | None = sock
        self.address: str
        self.port: int
        self.address, self.port = sock.getsockname()[:2]
        self.mode = ListenerMode.REFUSED

    def set_mode(self, mode: ListenerMode) -> None:
        """Treat new connections differently; raise `OSError` if the address was taken meanwhile."""
        if mode is self.mode:
            return
        self._stop()
        self.mode = mode
        if mode is ListenerMode.REFUSED:
            # Close the socket: one that is only bound would refuse as well, but there is no
            # portable way to stop listening.
            self._close_socket()
            return
        if self._sock is None:
            self._sock = bind(self.address, self.port, reuse=True)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if mode is ListenerMode.BLACK_HOLE:
            self._sock.listen(0)
            _fill_backlog(self._sock)
        else:
            self._sock.listen(BACKLOG)
            self._loop.add_reader(self._sock.fileno(), self._accept)

    def close(self) -> None:
        """Stop listening and release the address."""
        self._stop()
        self._close_socket()
        self.mode = ListenerMode.REFUSED

    def _stop(self) -> None:
        if self.mode is ListenerMode.BLACK_HOLE:
            self._empty_backlog()
        if self._sock is not None and self.mode is ListenerMode.OPEN:
            self._loop.remove_reader(self._sock.fileno())

    def _empty_backlog(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._sock is not None:
                self._sock.accept()[0].close()

    def _close_socket(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _accept(self) -> None:
        for _ in range(_BURST):
            if self._sock is None or self.mode is not ListenerMode.OPEN:
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
                # No descriptor is left to accept with: try again a little later.
                self._loop.remove_reader(self._sock.fileno())
                self._loop.call_later(_RETRY_SECONDS, self._resume)
                return
            sock.setblocking(False)
            self._on_accept(sock)

    def _resume(self) -> None:
        if self._sock is not None and self.mode is ListenerMode.OPEN:
            self._loop.add_reader(self._sock.fileno(), self._accept)


def _fill_backlog(listener: socket.socket) -> None:
    """Take the only slot in the backlog of a listener.

    A connection keeps its slot until it is accepted, even when the peer has closed; so a black hole
    costs no descriptor beyond its listener.
    """
    with socket.socket(listener.family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
