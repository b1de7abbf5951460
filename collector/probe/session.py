"""The one HTTP session that all nodes share. The app opens and closes it; it belongs to its loop.

There must never be waiters in the connector: they would be timed, and every release would shuffle
all of them. Our own gate (`collector.crawl.gate`) is at most the connector's limit.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import AddrInfoType, Connection

from collector import __version__
from collector.probe.policy import AddressPolicy, ForbiddenAddressError
from collector.probe.resolver import Resolver
from collector.probe.trace import TRACE, ConnectionTrace

_PER_FAMILY: Final = 2
"""aiohttp dials every address that it is given, and a stranger may list a hundred."""
_RECEIVE_BYTES: Final = 32 * 1024
"""What the system takes from a node before we do. All that waits is read in one go, so this bounds
how long a node that floods us with something (interim answers, say) keeps the loop at a time."""

USER_AGENT: Final = f"crn-collector/{__version__}"


class _Shake(ssl.SSLObject):
    """A handshake that tells the trail why it failed."""

    def do_handshake(self) -> None:
        """As the base class does."""
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError as exc:
            if trace := TRACE.get(None):
                trace.tls_error = exc
            raise


class TimedContext(ssl.SSLContext):
    """A client context that tells the trail when a handshake begins, and why it failed."""

    sslobject_class = _Shake

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As the base class does; asyncio and uvloop call it when TCP is connected."""
        if trace := TRACE.get(None):
            trace.shaking()
        return super().wrap_bio(*args, **kwargs)


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """The system's authorities, and those of `ca_file` besides.

    Raises OSError or ssl.SSLError when the file cannot be read as certificates.
    """
    context = TimedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


class Connector(aiohttp.TCPConnector):
    """A connector that shows the connection to the trail, and reads its certificate.

    (`response.connection` is None for small bodies.)
    """

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109
    ) -> Connection:
        """As the base class does."""
        connection = await super().connect(req, traces, timeout)
        trace = TRACE.get(None)
        if trace is None:
            return connection
        trace.transport = connection.transport
        if trace.cert_expires_at is None and connection.transport:
            shaken = connection.transport.get_extra_info("ssl_object")
            certificate = shaken.getpeercert() if shaken else None
            if certificate and (until := certificate.get("notAfter")):
                trace.cert_expires_at = float(ssl.cert_time_to_seconds(str(until)))
        return connection


class _Candidates(AbstractResolver):
    """The addresses of a name that are worth a dial: two of each family at most.

    A forbidden address is left out where there is another, so that the failure of a node is that of
    an address which was dialled. A name that has no other keeps them all, to be refused.
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
        """The resolver belongs to somebody else."""


class _Dialled(socket.socket):
    """A socket that tells the trail why it was not connected.

    (Where another address keeps silent until the time is over, nobody else says it.)
    """

    trace: ConnectionTrace | None = None

    def connect(self, address: Any) -> None:
        """As the base class does."""
        try:
            super().connect(address)
        except (BlockingIOError, InterruptedError):
            raise
        except OSError as exc:
            self._tell(exc)
            raise

    def getsockopt(self, level: int, option: int, *size: int) -> Any:
        """As the base class does; event loops ask so what became of a connection."""
        value = super().getsockopt(level, option, *size)
        if value and (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR):
            self._tell(OSError(value, os.strerror(value)))
        return value

    def _tell(self, error: OSError) -> None:
        if self.trace:
            self.trace.refused(self, error)


def _socket_factory(policy: AddressPolicy) -> Any:
    """Sockets for allowed addresses only: it sees every address that is really dialled."""

    def create(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        if policy.forbids(address[0]):
            raise ForbiddenAddressError(address[0])
        if trace := TRACE.get(None):
            if trace.repeating:
                raise ConnectionResetError(errno.ECONNRESET, "cut off before the answer")
            trace.dialling(address[0])
        made = _Dialled(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        if trace:
            made.trace = trace
            trace.made(made)
        return made

    return create


def _tracing() -> aiohttp.TraceConfig:
    config = aiohttp.TraceConfig()

    async def connected(_: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
        if trace := TRACE.get(None):
            trace.connected(fresh=True)

    async def reused(_: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
        if trace := TRACE.get(None):
            trace.connected(fresh=False)

    async def sent(_: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
        if trace := TRACE.get(None):
            trace.sent_at = perf_counter()

    async def answering(_: aiohttp.ClientSession, __: SimpleNamespace, ___: object) -> None:
        if trace := TRACE.get(None):
            trace.first_byte_at = perf_counter()

    config.on_connection_create_end.append(connected)
    config.on_connection_reuseconn.append(reused)
    config.on_request_headers_sent.append(sent)
    config.on_request_end.append(answering)
    return config


@contextlib.asynccontextmanager
async def open_session(
    resolver: Resolver,
    policy: AddressPolicy,
    context: ssl.SSLContext,
    limit: int,
    connect_timeout_seconds: float,
) -> AsyncIterator[aiohttp.ClientSession]:
    """The shared session, bound to the running loop and closed at the end.

    `limit` bounds connections; cookies, proxies of the environment and the DNS cache are off.
    """
    connector = Connector(
        limit=limit,
        ssl=context,
        resolver=_Candidates(resolver, policy),
        use_dns_cache=False,
        socket_factory=_socket_factory(policy),
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout_seconds),
        trace_configs=[_tracing()],
        trust_env=False,
        raise_for_status=False,
        auto_decompress=True,
    ) as session:
        yield session
