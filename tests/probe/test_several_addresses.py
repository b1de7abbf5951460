"""Nodes whose name has an IPv4 and an IPv6 address, of which the second leads nowhere."""

from __future__ import annotations

import ssl

import pytest

from crn_simulator.script.fault import Fault
from crn_simulator.script.node_spec import AaaaRecord, NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.host import Host
from crn_simulator.server.listener import ListenerMode
from crn_simulator.server.trouble_effects import dns_entry_of
from crn_simulator.truth.expected_result import expected_result
from tests.support.probe_bed import open_bed

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("aaaa", [AaaaRecord.REFUSED, AaaaRecord.BLACK_HOLE])
@pytest.mark.parametrize(
    "fault",
    [
        *(Fault.REFUSED, Fault.BLACK_HOLE, Fault.RESET_IN_TLS, Fault.CLOSE_IN_TLS),
        *(Fault.RESET_ON_CONNECT, Fault.TLS_GARBAGE, Fault.TLS_ALERT, Fault.SILENT_IN_TLS),
        *(Fault.CERT_EXPIRED, Fault.CERT_SELF_SIGNED, Fault.CERT_WRONG_NAME),
    ],
)
async def test_a_handshake_that_failed_is_not_hidden_by_another_address(
    context: ssl.SSLContext, authority: Authority, fault: Fault, aaaa: AaaaRecord
) -> None:
    """What went wrong at the address that took TCP counts, not that another one took none."""
    spec = NodeSpec(fault=fault, aaaa=aaaa)
    async with (
        open_bed(context) as bed,
        Host(spec, authority=authority) as host,
    ):
        name = dns_entry_of(spec, host.address)
        bed.know(host, *name.addresses, mode=name.mode)
        observation = await bed.look(host)
        assert str(observation.failure) == expected_result(spec).failure


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.RESET_ON_CONNECT, Fault.CERT_EXPIRED])
async def test_silence_over_ipv6_hides_nothing(
    context: ssl.SSLContext, authority: Authority, fault: Fault
) -> None:
    """While our own way out over IPv6 is cut, a node is judged by what it did over IPv4."""
    spec = NodeSpec(fault=fault, aaaa=AaaaRecord.TRUE)
    async with (
        open_bed(context) as bed,
        Host(spec, authority=authority) as host,
    ):
        host.block(None, ListenerMode.BLACK_HOLE)
        bed.know(host, host.address, "::1")
        observation = await bed.look(host)
        assert str(observation.failure) == expected_result(spec).failure
