"""A simulated host: where it listens, what it responds, and what was asked of it."""

import asyncio
import contextlib
import errno
import itertools
import random
import socket
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from crn_simulator.script.fault import Fault, FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.node_spec import AaaaRecord, NodeSpec
from crn_simulator.server.certificate_authority import Authority, CertificateKind
from crn_simulator.server.connection import Connection
from crn_simulator.server.connection_faults import (
    FaultDelays,
    IntendedResponse,
    play_before_tls,
    play_instead_of_response,
)
from crn_simulator.server.http import parse_request
from crn_simulator.server.listener import PORTS, Listener, ListenerMode, bind, has_ipv6
from crn_simulator.server.responder import NodeResponder, Responder
from crn_simulator.server.route import Route
from crn_simulator.server.traffic import HostTraffic

_CERTIFICATES = {
    Fault.CERT_EXPIRED: CertificateKind.EXPIRED,
    Fault.CERT_INTERMEDIATE_EXPIRED: CertificateKind.INTERMEDIATE_EXPIRED,
    Fault.CERT_NOT_YET_VALID: CertificateKind.NOT_YET_VALID,
    Fault.CERT_SELF_SIGNED: CertificateKind.SELF_SIGNED,
    Fault.CERT_UNKNOWN_AUTHORITY: CertificateKind.UNKNOWN_AUTHORITY,
    Fault.CERT_WRONG_NAME: CertificateKind.WRONG_NAME,
    Fault.CERT_HUGE_CHAIN: CertificateKind.HUGE_CHAIN,
}
_CLOSED_BY = (Fault.REFUSED, Fault.BLACK_HOLE)
"""Faults under which no connection is accepted."""


@dataclass(frozen=True, slots=True)
class HostAddress:
    """Where a host can be reached.

    name: its DNS name.
    ip: an IPv4 loopback address; a random one of 127.64.0.0/10 if None.
    ports: tried one after another until one is free; random ones if None.
    ipv6: reserve the port on `::1` too, for a specification that has an AAAA record later.
    certificate_names: what its certificates are for; its name and IP address if empty.
    """

    name: str = "crn.simulated.test"
    ip: str | None = None
    ports: Iterable[int] | None = None
    ipv6: bool = False
    certificate_names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class HostOptions:
    """How slow the slow faults are, how many requests `Host.traffic` keeps, the client's way."""

    delays: FaultDelays = field(default_factory=FaultDelays)
    kept_requests: int = 1000
    route: Route = field(default_factory=Route)


class Host:
    """Plays a node on loopback while entered.

    spec: what it is at first; `apply` changes it.
    authority: signs its certificates; one of its own if None.
    responder: makes its responses; those of a node if None.
    """

    def __init__(
        self,
        spec: NodeSpec | None = None,
        *,
        authority: Authority | None = None,
        address: HostAddress | None = None,
        responder: Responder | None = None,
        options: HostOptions | None = None,
    ) -> None:
        address, options = address or HostAddress(), options or HostOptions()
        self.spec = spec or NodeSpec()
        self.authority = authority or Authority()
        self.name = address.name
        self.address = address.ip or _random_address()
        self.port = 0
        self.traffic = HostTraffic(options.kept_requests)
        self._certificate_names = tuple(address.certificate_names) or (self.name, self.address)
        self._ports = address.ports if address.ports is not None else random.sample(PORTS, 100)
        self._ipv6 = has_ipv6() and (address.ipv6 or self.spec.aaaa is not AaaaRecord.NONE)
        self._delays = options.delays
        self._route = options.route
        self._responder = responder or NodeResponder(self.spec, self.name)
        self._listeners: list[Listener] = []
        self._blocked: tuple[ListenerMode | None, ListenerMode | None] = (None, None)
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Start listening; raise `OSError` if no port is free."""
        loop = asyncio.get_running_loop()
        socks = self._bind_free_port()
        self._listeners = [Listener(loop, sock, self._on_accept) for sock in socks]
        self.port = self._listeners[0].port
        self._update_listeners()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the listeners and every connection."""
        for listener in self._listeners:
            listener.close()
        self._close_connections()
        await self.wait_idle()

    @property
    def scheme(self) -> str:
        """`https`, or `http` for a node without TLS."""
        return "http" if self.spec.fault is Fault.ADDRESS_HTTP_ONLY else "https"

    @property
    def url(self) -> str:
        """Its base URL by name, without a trailing slash."""
        return f"{self.scheme}://{self.name}:{self.port}"

    @property
    def address_url(self) -> str:
        """Its base URL by IPv4 address."""
        return f"{self.scheme}://{self.address}:{self.port}"

    def apply(self, spec: NodeSpec) -> None:
        """Behave by this specification from the next connection on.

        A host that accepts no more connections closes those that are open.
        """
        if spec != self.spec:
            self.spec = spec
            self._responder.set_spec(spec)
            self._update_listeners()
            if spec.fault in _CLOSED_BY:
                self._close_connections()

    def rename(self, name: str) -> None:
        """Take another DNS name, which its certificates must cover."""
        if name != self.name:
            self.name = name
            self._responder.set_name(name)

    def block(self, ipv4: ListenerMode | None, ipv6: ListenerMode | None) -> None:
        """Make the host unreachable, as when the client's own network fails; None unblocks.

        Blocking IPv4 closes the open connections too.
        """
        if (ipv4, ipv6) != self._blocked:
            self._blocked = (ipv4, ipv6)
            self._update_listeners()
            if ipv4:
                self._close_connections()

    async def wait_idle(self) -> None:
        """Wait until no connection is open."""
        while self._connections:
            await asyncio.wait(self._connections)

    def _close_connections(self) -> None:
        for connection in self._connections:
            connection.cancel()

    def _bind_free_port(self) -> list[socket.socket]:
        """Return sockets on the first port that is free on every address of the host."""
        addresses = (self.address, "::1") if self._ipv6 else (self.address,)
        for port in itertools.islice(self._ports, len(PORTS)):
            with contextlib.ExitStack() as stack:
                try:
                    socks = [stack.enter_context(bind(address, port)) for address in addresses]
                except OSError as error:
                    if error.errno == errno.EADDRINUSE:
                        continue
                    raise
                stack.pop_all()
                return socks
        raise OSError(errno.EADDRINUSE, f"no port is free on {' and '.join(addresses)}")

    def _update_listeners(self) -> None:
        fault, aaaa = self.spec.fault, self.spec.aaaa
        if self.scheme == "https":  # now, so that no handshake of any host waits for it
            self._tls_context(fault)
        mode = ListenerMode(fault) if fault in _CLOSED_BY else ListenerMode.OPEN
        by_record = {AaaaRecord.TRUE: mode, AaaaRecord.NONE: ListenerMode.REFUSED}
        # A node whose connections fail fails in the same way over both families, whatever its
        # AAAA record: else what a client finds would depend on which of the two ended last.
        effect = FAULT_EFFECTS[fault]
        cannot_connect = effect.phase is FaultPhase.CONNECT and not effect.reachable
        mode6 = by_record.get(aaaa) or (mode if cannot_connect else ListenerMode(aaaa))
        modes = zip(self._listeners, self._blocked, (mode, mode6), strict=False)
        for listener, blocked, own in modes:
            listener.set_mode(blocked or own)

    def _on_accept(self, sock: socket.socket) -> None:
        self.traffic.connections += 1
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._serve(Connection(sock, loop), self.traffic.connections))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, connection: Connection, number: int) -> None:
        fault = self.spec.fault
        try:
            if not self._route.is_direct:
                await asyncio.sleep(self._route.connect_seconds())
            if await play_before_tls(fault, connection, self._delays):
                if self.scheme == "https":
                    await connection.start_tls(self._tls_context(fault))
                    self.traffic.handshakes += 1
                while await self._exchange(connection, number):
                    pass
        except (OSError, ValueError):
            # The peer closed, refused the certificate or does not speak HTTP.
            pass
        finally:
            connection.close()

    def _tls_context(self, fault: Fault) -> ssl.SSLContext:
        kind = _CERTIFICATES.get(fault, CertificateKind.VALID)
        return self.authority.context(self._certificate_names, kind)

    async def _exchange(self, connection: Connection, number: int) -> bool:
        """Respond to one request; return False when the connection cannot be used further."""
        head = await connection.read_request_head()
        if not head:
            return False
        if not self._route.is_direct:
            await asyncio.sleep(self._route.request_seconds())
        request = parse_request(head, number)
        self.traffic.count(request)
        fault = self.spec.fault_on(request.path)
        effect = FAULT_EFFECTS[fault]
        if effect.reachable or effect.phase is not FaultPhase.ANSWER:
            slow = self._delays.answer_seconds if fault is Fault.SLOW_ANSWER else 0.0
            if seconds := slow + self._responder.delay_seconds(request.path):
                await asyncio.sleep(seconds)
            await connection.send(self._responder.respond(request))
            return not request.is_last
        response = self._responder.respond_faulty(request, self._delays)
        if isinstance(response, IntendedResponse):
            await play_instead_of_response(fault, connection, response)
            return False
        await connection.send(response)
        return not request.is_last


def _random_address() -> str:
    return f"127.{random.randint(64, 127)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
