"""The one HTTP session that all nodes share, bound to the event loop that opened it.

No request may wait inside the connector: aiohttp counts the wait in its timeouts, and every
released connection moves all waiters. The gate of the crawl is at most the connector's limit.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import AddrInfoType, Connection

from collector import __version__
from collector.probe.connection import BoundedHttp
from collector.probe.policy import AddressPolicy
from collector.probe.resolver import Resolver
from collector.probe.trace import TRACE, ConnectionTrace

_PER_FAMILY: Final = 2
"""Addresses of each family that are dialled: a name may list a hundred, and aiohttp tries all."""
_RECEIVE_BYTES: Final = 8 * 1024
"""Receive buffer of a visit's socket; Linux doubles it. All that waits in it is read at once, and
TLS keeps as much memory until the visit ends. A chain of certificates fits in without a wait."""

USER_AGENT: Final = f"crn-collector/{__version__}"
_HEADERS: Final = {
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
}
"""Of every request. Answers in other encodings are not read."""


class Connector(aiohttp.TCPConnector):
    """A connector of bounded connections that records them and the end of their certificate.

    They cannot be read from the response, whose `connection` is None for small bodies.
    """

    def __init__(self, policy: AddressPolicy, **options: Any) -> None:
        super().__init__(**options)
        self._policy = policy
        bounded: type[ResponseHandler] = BoundedHttp
        self._factory = functools.partial(bounded, loop=self._loop)

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109
    ) -> Connection:
        """Do what the base class does, and refuse a connection that another request may use."""
        connection = await super().connect(req, traces, timeout)
        protocol, trace = connection.protocol, TRACE.get(None)
        if isinstance(protocol, BoundedHttp) and protocol.is_used:
            self._check_peer(req, connection)
            if trace and connection.transport:
                trace.connected(connection.transport)
        if trace and trace.cert_expires_at is None and connection.transport:
            certificate = connection.transport.get_extra_info("peercert")
            if certificate and (until := certificate.get("notAfter")):
                trace.cert_expires_at = _seconds(str(until))
        return connection

    def _check_peer(self, req: ClientRequest, connection: Connection) -> None:
        """Refuse a connection kept from a request that might dial what this one must not."""
        peer = connection.transport and connection.transport.get_extra_info("peername")
        if not peer:
            return
        try:
            self._policy.check(peer[0])
        except OSError as exc:
            connection.release()
            raise aiohttp.ClientConnectorError(req.connection_key, exc) from exc


class _Request(ClientRequest):
    """A request whose connection belongs to its visit: no other one takes it from the pool.

    Nodes may be listed with the same address. What one of them left over is no handshake with the
    other, and what the host sent on it counts in the allowance of the visit that opened it.
    """

    @property
    def connection_key(self) -> ConnectionKey:
        key = super().connection_key
        trace = TRACE.get(None)  # a connection keeps it alive, so that no other one has its id
        return key if trace is None else key._replace(proxy_headers_hash=id(trace))


class _Candidates(AbstractResolver):
    """The addresses of a name that are dialled: at most two of each family.

    Forbidden addresses are left out if there are others, so that the failure of a node is that of
    an address that was dialled. If all are forbidden they are kept, and refused when dialled.
    """

    def __init__(self, resolver: Resolver, policy: AddressPolicy) -> None:
        self._resolver = resolver
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        allowed = [result for result in found if not self._policy.forbids(result["host"])] or found
        return [
            result
            for family in (socket.AF_INET, socket.AF_INET6)
            for result in [r for r in allowed if r["family"] == family][:_PER_FAMILY]
        ]

    async def close(self) -> None:
        """Do nothing: the resolver is closed by its owner."""


class _TracedSocket(socket.socket):
    """A socket that records in the trace why it was not connected.

    If another address of the node stays silent until the timeout, the error is found nowhere else.
    """

    trace: ConnectionTrace | None = None

    def connect(self, address: Any) -> None:
        """Do what the base class does."""
        try:
            super().connect(address)
        except (BlockingIOError, InterruptedError):
            raise
        except OSError as exc:
            self._record(exc)
            raise

    def getsockopt(self, level: int, option: int, *size: int) -> Any:
        """Do what the base class does. Event loops call it to learn how a connection ended."""
        value = super().getsockopt(level, option, *size)
        if value and (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR):
            self._record(OSError(value, os.strerror(value)))
        return value

    def _record(self, error: OSError) -> None:
        if self.trace:
            self.trace.connect_failed(self, error)


def _socket_factory(policy: AddressPolicy) -> Any:
    """Return a factory of sockets that refuses forbidden addresses.

    aiohttp calls it for every address that it dials, literal ones included.
    """

    def create(resolved: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = resolved
        policy.check(address[0])
        if trace := TRACE.get(None):
            if not trace.may_dial:
                raise ConnectionResetError(errno.ECONNRESET, "connection closed before the answer")
            trace.dialling(address[0])
        created = _TracedSocket(family, kind, protocol)
        if trace:
            created.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            created.trace = trace
            trace.socket_created(created)
        return created

    return create


@functools.lru_cache(maxsize=16_384)
def _seconds(certificate_time: str) -> float:
    """Return seconds since 1970. Cached: each node shows the same certificate for weeks."""
    return float(ssl.cert_time_to_seconds(certificate_time))


@contextlib.asynccontextmanager
async def open_session(
    resolver: Resolver,
    policy: AddressPolicy,
    context: ssl.SSLContext,
    limit: int,
) -> AsyncIterator[aiohttp.ClientSession]:
    """Open the shared session on the running loop, and close it at the end.

    `limit` bounds the connections; those who ask bound the time. Cookies, proxies from the
    environment and aiohttp's DNS cache are off.
    """
    connector = Connector(
        policy,
        limit=limit,
        ssl=context,
        resolver=_Candidates(resolver, policy),
        use_dns_cache=False,
        socket_factory=_socket_factory(policy),
    )
    async with aiohttp.ClientSession(
        connector=connector,
        request_class=_Request,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_HEADERS,
        timeout=aiohttp.ClientTimeout(total=None),
        trust_env=False,
        raise_for_status=False,
        auto_decompress=True,
    ) as session:
        yield session
