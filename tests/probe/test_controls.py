"""Controls tell whether we can see, against real servers and names."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import yarl

from collector.loop_lag import LoopLag
from collector.model.vantage import BlindReason, ControlResult
from collector.probe import controls as controls_module
from collector.probe.controls import Controls
from collector.probe.resolver import Resolver
from crn_simulator.script.fault import Fault
from crn_simulator.script.node_spec import AaaaRecord, NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.dns_server import DnsEntry, DnsMode
from crn_simulator.server.host import Host, HostAddress, HostOptions
from crn_simulator.server.listener import has_ipv6
from crn_simulator.server.route import Route
from tests.support.leaks import no_leaks
from tests.support.probe_bed import open_bed

pytestmark = pytest.mark.slow


async def ask(
    context: ssl.SSLContext,
    authority: Authority,
    *behaviours: NodeSpec,
    mode: DnsMode = DnsMode.KNOWN,
    ipv6: bool | None = False,
) -> ControlResult:
    """Ask controls that behave so, of which each has a name."""
    async with open_bed(context) as bed:
        hosts = [
            Host(b, authority=authority, address=HostAddress(f"control-{i}.simulated.test"))
            for i, b in enumerate(behaviours)
        ]
        for host in hosts:
            await host.__aenter__()
        try:
            for host in hosts:
                six = () if host.spec.aaaa is AaaaRecord.NONE else ("::1",)
                bed.names.set_entry(host.name, DnsEntry((host.address, *six), mode))
            targets = [yarl.URL(host.url) for host in hosts]
            controls = Controls(targets, bed.prober.resolver, context, bed.prober.lag, 0.8, ipv6)
            return await controls.ask()
        finally:
            for host in hosts:
                await host.__aexit__(None, None, None)


@dataclass(frozen=True, slots=True)
class _Uneven(Route):
    """Answers the two questions for a name at once, and those of the next time late."""

    round_trip_seconds: float = 0.6
    turns: Iterator[float] = field(default_factory=lambda: itertools.cycle((0, 0, 1, 1)))

    def answer_seconds(self) -> float:
        return self.round_trip_seconds * next(self.turns)


def bad(fault: Fault) -> NodeSpec:
    return NodeSpec(fault=fault)


@pytest.mark.parametrize(
    ("behaviours", "reason"),
    [
        pytest.param([NodeSpec()], BlindReason.NONE, id="one-answers"),
        pytest.param([], BlindReason.NONE, id="no-controls"),
        pytest.param([bad(Fault.REFUSED), NodeSpec()], BlindReason.NONE, id="one-of-two-answers"),
        pytest.param([bad(Fault.SERVER_ERROR)], BlindReason.NONE, id="only-the-handshake-counts"),
        pytest.param([bad(Fault.REFUSED)] * 2, BlindReason.NETWORK, id="refused"),
        pytest.param([bad(Fault.BLACK_HOLE)], BlindReason.NETWORK, id="black-hole"),
        pytest.param([bad(Fault.CERT_EXPIRED)], BlindReason.CONTROLS, id="expired"),
        pytest.param([bad(Fault.CERT_UNKNOWN_AUTHORITY)], BlindReason.CONTROLS, id="intercepted"),
        pytest.param([bad(Fault.SILENT_IN_TLS)], BlindReason.CONTROLS, id="silent-in-tls"),
        pytest.param(
            [bad(Fault.REFUSED), bad(Fault.CERT_EXPIRED)], BlindReason.CONTROLS, id="both-kinds"
        ),
    ],
)
async def test_reasons(
    context: ssl.SSLContext,
    authority: Authority,
    behaviours: list[NodeSpec],
    reason: BlindReason,
) -> None:
    """One control whose handshake succeeds is enough; else the reason is the farthest they got."""
    control_result = await ask(context, authority, *behaviours)
    assert (control_result.reason, control_result.ok) == (reason, reason is BlindReason.NONE)


@pytest.mark.parametrize("mode", [DnsMode.SERVFAIL, DnsMode.SILENT, DnsMode.NOT_FOUND])
async def test_names_that_do_not_resolve(
    context: ssl.SSLContext, authority: Authority, mode: DnsMode
) -> None:
    """Controls whose names cannot be had say that it is the name service."""
    control_result = await ask(context, authority, NodeSpec(), NodeSpec(), mode=mode)
    assert control_result.reason is BlindReason.DNS
    assert "control-0.simulated.test: dns_" in control_result.detail


async def test_a_name_server_that_goes_away_is_noticed(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """Controls are not believed from memory: their names are asked for anew every time."""
    async with Host(authority=authority) as host, open_bed(context) as bed:
        bed.know(host)
        controls = Controls(
            [yarl.URL(host.url)], bed.prober.resolver, context, bed.prober.lag, 1.0, False
        )
        first = await controls.ask()
        bed.names.override = DnsMode.SERVFAIL
        second = await controls.ask()
        bed.names.override = None
        third = await controls.ask()
    assert [s.reason for s in (first, second, third)] == [
        BlindReason.NONE,
        BlindReason.DNS,
        BlindReason.NONE,
    ]


@pytest.mark.parametrize(
    ("dns", "way"),
    [
        pytest.param(Route(0.5), Route(), id="name-server"),
        pytest.param(Route(), Route(0.25), id="way"),
    ],
)
async def test_what_is_slow_shows(
    context: ssl.SSLContext, authority: Authority, dns: Route, way: Route
) -> None:
    """Controls that all need half of their limit show which part of the way is slow."""
    options = HostOptions(route=way)
    async with Host(authority=authority, options=options) as host, open_bed(context) as bed:
        bed.know(host)
        bed.names.route = dns
        resolver = Resolver([bed.names.address])
        controls = Controls([yarl.URL(host.url)], resolver, context, LoopLag(), 1.1, False)
        control_result = await controls.ask()
        await resolver.close()
    expected = BlindReason.SLOW_NETWORK if dns.is_direct else BlindReason.SLOW_DNS
    assert (control_result.slow, control_result.ok) == (expected, True)


async def test_what_is_uneven_shows_when_asked_again(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """Of several answers of the same control some are late where packets wait or get lost."""
    async with Host(authority=authority) as host, open_bed(context) as bed:
        bed.know(host)
        resolver = Resolver([bed.names.address])
        controls = Controls([yarl.URL(host.url)], resolver, context, LoopLag(), 1.5, False)
        even = await controls.ask_again(1.5)
        bed.names.route = _Uneven()
        uneven = await controls.ask_again(1.5)
        await resolver.close()
    assert (even.slow, even.ok) == (BlindReason.NONE, True)
    assert (uneven.slow, uneven.ok) == (BlindReason.SLOW_DNS, True)


async def test_the_detail_names_the_certificate(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """A clock that is wrong here shows itself as certificates that have expired everywhere."""
    control_result = await ask(context, authority, bad(Fault.CERT_EXPIRED))
    assert control_result.detail == "control-0.simulated.test: tls_expired"


async def test_within_a_limit(context: ssl.SSLContext, authority: Authority) -> None:
    """Controls that do not answer cost no more than what they are given."""
    async with (
        Host(bad(Fault.SILENT_IN_TLS), authority=authority) as host,
        open_bed(context) as bed,
    ):
        controls = Controls(
            [yarl.URL(host.address_url)], bed.prober.resolver, context, bed.prober.lag, 30.0, False
        )
        async with asyncio.timeout(15.0):
            control_result = await controls.ask_again(0.2)
    assert not control_result.ok


async def test_nothing_is_left_of_controls_that_are_given_up(
    context: ssl.SSLContext, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round that ends before its controls have answered ends their connections over IPv6 too."""
    connecting = asyncio.Event()

    async def connect_for_ever(*_: object) -> bool | None:
        connecting.set()
        return bool(await asyncio.Event().wait())

    monkeypatch.setattr(controls_module, "can_connect", connect_for_ever)
    async with no_leaks():
        spec = NodeSpec(aaaa=AaaaRecord.TRUE, fault=Fault.SILENT_IN_TLS)
        asking = asyncio.create_task(ask(context, authority, spec, ipv6=True))
        await connecting.wait()
        asking.cancel()
        await asyncio.wait({asking})
    assert asking.cancelled()


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
@pytest.mark.parametrize(
    ("records", "configured", "ipv6"),
    [
        pytest.param([AaaaRecord.TRUE], True, True, id="confirmed"),
        pytest.param([AaaaRecord.REFUSED], True, False, id="contradicted"),
        pytest.param([AaaaRecord.BLACK_HOLE], True, False, id="contradicted-by-silence"),
        pytest.param([AaaaRecord.REFUSED, AaaaRecord.TRUE], True, True, id="one-of-two"),
        pytest.param([AaaaRecord.NONE], True, True, id="nobody-to-ask"),
        pytest.param([AaaaRecord.TRUE], False, False, id="switched-off"),
    ],
)
async def test_ipv6(
    context: ssl.SSLContext,
    authority: Authority,
    records: list[AaaaRecord],
    configured: bool,
    ipv6: bool,
) -> None:
    """There is IPv6 here unless every control that has it contradicts; it blinds nobody."""
    behaviours = [NodeSpec(aaaa=record) for record in records]
    control_result = await ask(context, authority, *behaviours, ipv6=configured)
    assert (control_result.reason, control_result.ipv6) == (BlindReason.NONE, ipv6)
