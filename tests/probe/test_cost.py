"""What a visit costs a node, as its server counts it: handshakes and requests."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from collector.model.failure import Failure
from collector.model.observation import Ipv6Method
from collector.probe import visit as visit_module
from collector.probe.trace import MOST_HANDSHAKES
from collector.probe.visit import VisitLimits
from crn_simulator.script.fault import Fault, FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.connection import Connection
from crn_simulator.server.host import Host, HostAddress
from tests.support.probe_bed import CONFIG, IP6, IPV6, USAGE, Bed, node_at, open_bed
from tests.support.tls_servers import answer, raw_server

pytestmark = pytest.mark.slow

MOST_REQUESTS = 3
SHOWS_CRN = "Server: aleph-vm/1.14.0"


@dataclass(frozen=True)
class Cost:
    """What one visit cost a node, by its own count."""

    node: str
    handshakes: int
    requests: Counter[str]
    broken: int
    """Answers that broke off, or were too large to be read to their end."""


async def _cost(
    bed: Bed, authority: Authority, places: asyncio.Semaphore, spec: NodeSpec, asked: Ipv6Method
) -> Cost:
    """Visit a node that behaves so once; return what it counted."""
    address = HostAddress("crn.simulated.test")
    async with places, Host(spec, authority=authority, address=address) as host:
        visit = bed.prober.visit(node_at(host.address_url), asked)
        await visit.run()
        async with asyncio.timeout(5):
            await host.wait_idle()
        ends = (Failure.ANSWER_BROKEN, Failure.ANSWER_TOO_LARGE)
        return Cost(
            f"{spec.fault} at {', '.join(spec.paths) or 'all'}, {asked}",
            host.traffic.handshakes,
            host.traffic.requests_by_path,
            sum(probe.failure in ends for probe in visit.probes[:-1]),
        )


def _nodes() -> Iterable[tuple[NodeSpec, Ipv6Method]]:
    """Every fault, at all endpoints and at each after the first, with an IPv6 check that is due."""
    for fault, effect in FAULT_EFFECTS.items():
        yield NodeSpec(fault=fault), Ipv6Method.STATUS
        if effect.phase is FaultPhase.ANSWER:
            yield NodeSpec(fault=fault, paths=frozenset({USAGE})), Ipv6Method.STATUS
            yield NodeSpec(fault=fault, paths=frozenset({IPV6})), Ipv6Method.STATUS
            yield NodeSpec(fault=fault, paths=frozenset({IP6})), Ipv6Method.DIAGNOSTIC_VM


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_the_cost_of_a_visit(context: ssl.SSLContext, authority: Authority) -> None:
    """Three requests at most, none twice, and one handshake, or one more after a broken answer."""
    limits = VisitLimits(timeout_seconds=1.0, diagnostic_timeout_seconds=1.0)
    places = asyncio.Semaphore(60)
    async with open_bed(context, limits=limits, connect_seconds=0.9) as bed:
        costs = await asyncio.gather(*(_cost(bed, authority, places, *node) for node in _nodes()))
    assert [c for c in costs if c.requests.total() > MOST_REQUESTS] == []
    assert [c for c in costs if max(c.requests.values(), default=0) > 1] == []
    assert [c for c in costs if c.handshakes > 1 + c.broken] == []
    assert max(c.requests.total() for c in costs) == MOST_REQUESTS


@pytest.mark.parametrize("answered", [1, 2])
async def test_a_connection_that_ends_after_a_request(
    context: ssl.SSLContext, authority: Authority, answered: int
) -> None:
    """A request that a kept connection took with it is not sent again on another one."""
    requests: list[str] = []

    async def play(connection: Connection) -> None:
        for _ in range(answered):
            requests.extend(_paths(await connection.read_request_head()))
            await connection.send(answer("{}", "200 OK", SHOWS_CRN))
        requests.extend(_paths(await connection.read_request_head()))

    async with raw_server(authority, play) as raw, open_bed(context) as bed:
        await bed.look(raw.url, ipv6=True)
        assert raw.connections <= MOST_HANDSHAKES
    assert requests == [CONFIG, USAGE, IPV6]


@pytest.mark.parametrize("headers", [(SHOWS_CRN,), (SHOWS_CRN, "Connection: close")])
async def test_a_node_that_hangs_up_after_each_answer(
    context: ssl.SSLContext, authority: Authority, headers: tuple[str, ...]
) -> None:
    """It takes a handshake for each request, by its own choice, and each request once."""
    requests: list[str] = []

    async def play(connection: Connection) -> None:
        requests.extend(_paths(await connection.read_request_head()))
        await connection.send(answer("{}", "200 OK", *headers))

    async with raw_server(authority, play) as raw, open_bed(context) as bed:
        await bed.look(raw.url, ipv6=True)
        assert raw.connections == MOST_HANDSHAKES
    assert requests == [CONFIG, USAGE, IPV6]


async def test_several_addresses_that_break_the_handshake_off(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """A name with many addresses takes three handshakes at most, and no request twice."""
    addresses = [f"127.64.9.{i}" for i in range(1, 5)]
    hosts = [HostAddress("crn.simulated.test", ip=ip, ports=[24443]) for ip in addresses]
    spec = NodeSpec(fault=Fault.CERT_SELF_SIGNED)
    async with contextlib.AsyncExitStack() as stack:
        bed = await stack.enter_async_context(open_bed(context))
        nodes = [
            await stack.enter_async_context(Host(spec, authority=authority, address=host))
            for host in hosts
        ]
        bed.know(nodes[0], *addresses, "::1")
        await bed.look(nodes[0], ipv6=True)
        for node in nodes:
            await node.wait_idle()
        assert 0 < sum(node.traffic.connections for node in nodes) <= MOST_HANDSHAKES


def _paths(head: bytes) -> list[str]:
    """Return the path that a request is for; none at the end of a connection."""
    return [head.split()[1].decode()] if head else []


async def test_nodes_with_the_same_address(
    context: ssl.SSLContext, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has a connection of its own, though others are between two probes when it begins."""
    notice_hang_up = visit_module._notice_hang_up
    others = iter(range(12))
    found = []
    async with Host(authority=authority) as host, open_bed(context) as bed:

        async def look_meanwhile() -> None:
            if (number := next(others, None)) is not None:
                found.append(await bed.look(f"{host.address_url}/{number}"))
            await notice_hang_up()

        monkeypatch.setattr(visit_module, "_notice_hang_up", look_meanwhile)
        found.append(await bed.look(host.address_url))
        async with asyncio.timeout(5):
            await host.wait_idle()
        handshakes = host.traffic.handshakes
    assert [observation.failure for observation in found] == [Failure.NONE] * len(found)
    assert None not in [observation.phases.tls_seconds for observation in found]
    assert handshakes == len(found)
