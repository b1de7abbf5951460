"""From the name of a node to the address that is dialled, through a real DNS server."""

from __future__ import annotations

import asyncio
import gc
import ssl

import pytest

from collector.model.failure import Failure, Fault
from collector.model.node import Node
from collector.model.observation import Observation
from collector.probe.resolver import NameFailedError, NameNotFoundError, Resolver
from crn_simulator.script import fault as simulated
from crn_simulator.script.node_spec import AaaaRecord, NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.dns_server import DnsEntry, DnsMode, DnsServer
from crn_simulator.server.host import Host
from crn_simulator.server.listener import has_ipv6
from tests.support.probe_bed import LOOPBACK, open_bed

pytestmark = pytest.mark.slow

NAME = "crn.simulated.test"


async def look_at(
    context: ssl.SSLContext,
    authority: Authority,
    addresses: tuple[str, ...],
    *,
    ipv6: bool = True,
    allowed: tuple[str, ...] = LOOPBACK,
    spec: NodeSpec | None = None,
) -> tuple[Observation, Host]:
    """Look at a node whose name has these addresses; `own` stands for the one it has."""
    async with (
        Host(spec or NodeSpec(aaaa=AaaaRecord.TRUE), authority=authority) as host,
        open_bed(context, allowed=allowed) as bed,
    ):
        bed.know(host, *(host.address if a == "own" else a for a in addresses))
        bed.prober.use_ipv6(ipv6)
        return await bed.look(host), host


@pytest.mark.parametrize(
    ("manner", "error"),
    [
        pytest.param(DnsMode.NOT_FOUND, NameNotFoundError, id="nxdomain"),
        pytest.param(DnsMode.KNOWN, NameNotFoundError, id="no-address"),
        pytest.param(DnsMode.SERVFAIL, NameFailedError, id="servfail"),
        pytest.param(DnsMode.REFUSED, NameFailedError, id="refused"),
        pytest.param(DnsMode.SILENT, NameFailedError, id="silent"),
    ],
)
async def test_why_a_name_has_no_address(manner: DnsMode, error: type[OSError]) -> None:
    """A name that is not there is told apart from one about which nothing can be learnt."""
    async with DnsServer() as names:
        names.set_entry(NAME, DnsEntry(mode=manner))
        resolver = Resolver([names.address], timeout_seconds=0.1)
        try:
            with pytest.raises(error, match=NAME):
                await resolver.addresses(NAME)
        finally:
            await resolver.close()


async def test_addresses_are_ipv4_first_and_once() -> None:
    """Both families are asked for; IPv4 comes first, and nothing twice."""
    async with DnsServer() as names:
        names.set_entry(NAME, DnsEntry(("::1", "127.64.0.2", "127.64.0.2")))
        resolver = Resolver([names.address])
        try:
            assert await resolver.addresses(NAME) == ["127.64.0.2", "::1"]
            dialled = await resolver.resolve(NAME, 443)
            assert [(d["host"], d["port"]) for d in dialled] == [("127.64.0.2", 443), ("::1", 443)]
            resolver.ipv6 = False
            assert [d["host"] for d in await resolver.resolve(NAME)] == ["127.64.0.2"]
        finally:
            await resolver.close()


async def test_close_ends_what_is_still_asked() -> None:
    """Closing a resolver ends a question that nobody answers."""
    async with DnsServer() as names:
        names.set_entry(NAME, DnsEntry(mode=DnsMode.SILENT))
        resolver = Resolver([names.address], timeout_seconds=30.0)
        asking = asyncio.create_task(resolver.addresses(NAME))
        await asyncio.sleep(0)  # the question is on its way
        await resolver.close()
        with pytest.raises((NameFailedError, asyncio.CancelledError)):
            await asyncio.wait_for(asking, 5)


async def test_a_name_that_is_back_is_found() -> None:
    """What a name server said is forgotten when it must be: c-ares would keep an empty answer."""
    async with DnsServer() as names:
        names.set_entry(NAME, DnsEntry())
        resolver = Resolver([names.address])
        try:
            with pytest.raises(NameNotFoundError):
                await resolver.addresses(NAME)
            names.set_entry(NAME, DnsEntry(("127.64.0.2",)))
            resolver.forget()
            assert await resolver.addresses(NAME) == ["127.64.0.2"]
        finally:
            await resolver.close()


async def test_forgetting_loses_no_question() -> None:
    """A question that is under way is answered though everything is forgotten meanwhile."""
    async with DnsServer() as names:
        names.set_entry(NAME, DnsEntry(("127.64.0.2",)))
        resolver = Resolver([names.address])
        try:
            asking = asyncio.create_task(resolver.addresses(NAME))
            await asyncio.sleep(0)
            resolver.forget()
            gc.collect()
            assert await asking == ["127.64.0.2"]
        finally:
            await resolver.close()


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
@pytest.mark.parametrize(
    ("addresses", "ipv6", "failure", "connections"),
    [
        pytest.param(("::1",), True, Failure.NONE, 1, id="ipv6-only-with-ipv6"),
        pytest.param(("::1",), False, Failure.NO_ROUTE, 0, id="ipv6-only-without-ipv6"),
        pytest.param(("own", "::1"), False, Failure.NONE, 1, id="both-without-ipv6"),
        pytest.param(("own", "::1"), True, Failure.NONE, 1, id="both-with-ipv6"),
        pytest.param(("10.9.8.7",), True, Failure.FORBIDDEN_ADDRESS, 0, id="private"),
        pytest.param(("fd00::1",), True, Failure.FORBIDDEN_ADDRESS, 0, id="private-ipv6"),
        pytest.param(("10.9.8.7", "fd00::1"), True, Failure.FORBIDDEN_ADDRESS, 0, id="two-private"),
        pytest.param(("10.9.8.7", "own"), True, Failure.NONE, 1, id="private-beside-its-own"),
    ],
)
async def test_which_address_is_dialled(
    context: ssl.SSLContext,
    authority: Authority,
    addresses: tuple[str, ...],
    ipv6: bool,
    failure: Failure,
    connections: int,
) -> None:
    """Allowed addresses of the families that there are here, and no others."""
    observation, host = await look_at(context, authority, addresses, ipv6=ipv6)
    assert (observation.failure, host.traffic.connections) == (failure, connections)
    assert observation.ipv6_only == all(":" in a for a in addresses)


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
async def test_ipv6_behind_a_dead_ipv4(context: ssl.SSLContext, authority: Authority) -> None:
    """A node whose IPv4 address refuses is reached over IPv6."""
    observation, _ = await look_at(context, authority, ("127.64.0.3", "::1"))
    assert observation.failure is Failure.NONE


@pytest.mark.parametrize(
    "beside", [pytest.param("fd00::1", id="ipv6"), pytest.param("10.9.8.7", id="ipv4")]
)
async def test_a_private_address_hides_no_outage(
    context: ssl.SSLContext, authority: Authority, beside: str
) -> None:
    """A node that refuses is not taken for a forbidden one since it lists a private address too."""
    down = NodeSpec(fault=simulated.Fault.REFUSED)
    observation, _ = await look_at(context, authority, ("own", beside), spec=down)
    assert observation.failure is Failure.CONNECT_REFUSED


async def test_several_addresses_that_fail_differently(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """One that refuses and one that no packet reaches are together unreachable."""
    observation, _ = await look_at(
        context,
        authority,
        ("own", "ff0e::1"),  # TCP to a multicast address fails at once and sends nothing
        allowed=(*LOOPBACK, "ff0e::1/128"),
        spec=NodeSpec(fault=simulated.Fault.REFUSED),
    )
    assert observation.failure is Failure.CONNECT_UNREACHABLE


async def test_two_addresses_of_a_family_at_most(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """A name with a hundred addresses costs no more than one with two."""
    many = tuple(f"127.64.1.{i}" for i in range(1, 101))
    observation, _ = await look_at(context, authority, many)
    assert observation.failure is Failure.CONNECT_REFUSED


@pytest.mark.parametrize(
    ("address", "failure"),
    [
        pytest.param("https://10.1.2.3", Failure.FORBIDDEN_ADDRESS, id="private"),
        pytest.param("https://127.0.0.1:4020", Failure.FORBIDDEN_ADDRESS, id="loopback"),
        pytest.param("http://169.254.169.254", Failure.FORBIDDEN_ADDRESS, id="metadata"),
        pytest.param("https://100.64.0.1", Failure.FORBIDDEN_ADDRESS, id="cgnat"),
        pytest.param("https://224.0.0.1", Failure.FORBIDDEN_ADDRESS, id="multicast"),
        pytest.param("https://[::1]", Failure.FORBIDDEN_ADDRESS, id="v6-loopback"),
        pytest.param("https://[fe80::1]", Failure.FORBIDDEN_ADDRESS, id="v6-link-local"),
        pytest.param("https://[::ffff:127.0.0.1]", Failure.FORBIDDEN_ADDRESS, id="mapped"),
        pytest.param("https://[64:ff9b::7f00:1]", Failure.FORBIDDEN_ADDRESS, id="nat64"),
        pytest.param("https://[2002:7f00:1::]", Failure.FORBIDDEN_ADDRESS, id="6to4"),
        pytest.param("https://2130706433", Failure.INVALID_ADDRESS, id="decimal"),
        pytest.param("https://0x7f.1", Failure.INVALID_ADDRESS, id="hex"),
        pytest.param("https://127.1", Failure.INVALID_ADDRESS, id="short"),
        pytest.param("https://www.google.com/x", Failure.FORBIDDEN_ADDRESS, id="listed-host"),
    ],
)
async def test_literal_addresses(context: ssl.SSLContext, address: str, failure: Failure) -> None:
    """An IP address in the directory is judged like one behind a name."""
    async with open_bed(context, allowed=(), forbidden=["google.com"]) as bed:
        observation = await bed.look(address)
    assert (observation.failure, str(observation.failure.fault)) == (failure, "policy")


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("2130706433", id="decimal"),
        pytest.param("0x7f000001", id="hex"),
        pytest.param("127.1", id="short"),
        pytest.param("localhost", id="localhost"),
    ],
)
async def test_a_number_that_gets_past_the_directory(context: ssl.SSLContext, host: str) -> None:
    """A legacy form of a loopback address is not dialled, should the directory let it pass."""
    async with open_bed(context, allowed=()) as bed:
        bed.names.set_entry(host, DnsEntry(("127.0.0.1",)))
        look = bed.prober.visit(Node("0" * 64, "", f"http://{host}", host=host), ipv6=None)
        await look.run()
        assert look.observation().failure.fault is Fault.POLICY
