"""Nodes whose name has an IPv4 and an IPv6 address, of which the second leads nowhere."""

from __future__ import annotations

import ssl

import pytest

from crn_simulator.authority import Authority
from crn_simulator.behaviour import Aaaa, Behaviour
from crn_simulator.door import Way
from crn_simulator.fault import Fault
from crn_simulator.host import Host
from crn_simulator.outage import name_of
from crn_simulator.outcome import conclude
from tests.support.probe_bed import open_bed


@pytest.mark.parametrize("aaaa", [Aaaa.REFUSED, Aaaa.BLACK_HOLE])
@pytest.mark.parametrize(
    "fault",
    [
        *(Fault.REFUSED, Fault.BLACK_HOLE, Fault.RESET_IN_TLS, Fault.CLOSE_IN_TLS),
        *(Fault.RESET_ON_CONNECT, Fault.TLS_GARBAGE, Fault.TLS_ALERT, Fault.SILENT_IN_TLS),
        *(Fault.CERT_EXPIRED, Fault.CERT_SELF_SIGNED, Fault.CERT_WRONG_NAME),
    ],
)
async def test_a_handshake_that_failed_is_not_hidden_by_another_address(
    context: ssl.SSLContext, authority: Authority, fault: Fault, aaaa: Aaaa
) -> None:
    """What went wrong at the address that took TCP counts, not that another one took none."""
    behaviour = Behaviour(fault=fault, aaaa=aaaa)
    async with (
        open_bed(context) as bed,
        Host(behaviour, authority=authority, name="crn.simulated.test") as host,
    ):
        name = name_of(behaviour, host.address)
        bed.know(host, *name.addresses, manner=name.manner)
        observation = await bed.look(host)
        assert str(observation.failure) == conclude(behaviour).failure


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.RESET_ON_CONNECT, Fault.CERT_EXPIRED])
async def test_silence_over_ipv6_hides_nothing(
    context: ssl.SSLContext, authority: Authority, fault: Fault
) -> None:
    """While our own way out over IPv6 is cut, a node is judged by what it did over IPv4."""
    behaviour = Behaviour(fault=fault, aaaa=Aaaa.TRUE)
    async with (
        open_bed(context) as bed,
        Host(behaviour, authority=authority, name="crn.simulated.test") as host,
    ):
        host.cut(None, Way.BLACK_HOLE)
        bed.know(host, host.address, "::1")
        observation = await bed.look(host)
        assert str(observation.failure) == conclude(behaviour).failure
