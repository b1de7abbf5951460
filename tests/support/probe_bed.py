"""What a look needs to meet a simulated node: a name server, the shared session and a prober."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import AsyncIterator, Container, Iterable
from dataclasses import dataclass, replace

import psutil

from collector.directory.address import parse_address
from collector.loop_lag import LoopLag
from collector.model.failure import Failure
from collector.model.node import Node
from collector.model.observation import Ipv6Method, Observation
from collector.probe.policy import AddressPolicy
from collector.probe.prober import Prober
from collector.probe.resolver import Resolver
from collector.probe.session import open_session
from collector.probe.special_networks import Address
from collector.probe.visit import VisitLimits
from crn_simulator.server.dns_server import DnsEntry, DnsMode, DnsServer
from crn_simulator.server.host import Host

LOOPBACK = ("127.64.0.0/10", "::1/128")
"""Where simulated nodes are."""
CONFIG, USAGE, IPV6 = "/status/config", "/about/usage/system", "/status/check/ipv6"
VM = VisitLimits().diagnostic_vm
IP6 = f"/vm/{VM}/ip/6"


def node_at(address: str) -> Node:
    """A node as the directory makes it of a registered address."""
    parsed = parse_address(address)
    key = hashlib.sha256(address.encode()).hexdigest()
    return Node(key, "", parsed.text, host=parsed.host, refused=parsed.refused)


@dataclass
class Bed:
    """A prober under test and the names that it can resolve."""

    names: DnsServer
    prober: Prober

    def know(self, host: Host, *addresses: str, mode: DnsMode = DnsMode.KNOWN) -> None:
        """Let a node's name resolve to its address, or to others."""
        self.names.set_entry(host.name, DnsEntry(addresses or (host.address,), mode))

    async def look(self, target: Host | str, ipv6: bool = False) -> Observation:
        """Look at a node once, as a round does."""
        node = node_at(target if isinstance(target, str) else target.url)
        refused = self.prober.refusal(node)
        if refused is not Failure.NONE:
            return Observation(node, refused)
        look = self.prober.visit(node, Ipv6Method.STATUS if ipv6 else None)
        await look.run()
        return look.observation()


@contextlib.asynccontextmanager
async def open_bed(
    context: ssl.SSLContext,
    *,
    limits: VisitLimits | None = None,
    connect_seconds: float = 1.0,
    allowed: Iterable[str] = LOOPBACK,
    forbidden: Iterable[str] = (),
    own_addresses: Container[Address] = frozenset(),
    connections: int = 200,
) -> AsyncIterator[Bed]:
    """A bed on the running loop, with limits that suit loopback."""
    policy, lag = AddressPolicy.of(allowed, forbidden, own_addresses), LoopLag()
    async with DnsServer() as names:
        resolver = Resolver([names.address], timeout_seconds=0.2)
        try:
            async with open_session(resolver, policy, context, connections) as session, lag:
                limits = limits or VisitLimits(timeout_seconds=2.0)
                limits = replace(limits, connect_timeout_seconds=connect_seconds)
                yield Bed(names, Prober(session, resolver, policy, limits, lag))
        finally:
            await resolver.close()


def connections() -> set[object]:
    """The connections of this process; what a loop keeps for itself is none."""
    return set(psutil.Process().net_connections("tcp"))


async def settled() -> None:
    """Let transports that were closed be gone: a few turns of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)
