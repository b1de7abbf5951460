"""The slow check: whether IPv6 works on a node, by its own word or its diagnostic VM's."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest

from collector.model.failure import Failure
from collector.model.observation import Endpoint, Ipv6, Ipv6Method
from collector.probe.visit import VisitLimits
from crn_simulator.script.fault import Fault
from crn_simulator.script.node_spec import AaaaRecord, NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.host import Host
from crn_simulator.server.listener import has_ipv6
from crn_simulator.server.responder import NodeEnvironment, NodeResponder
from tests.support.probe_bed import CONFIG, IP6, IPV6, USAGE, node_at, open_bed
from tests.support.tls_servers import Lines, answer

pytestmark = pytest.mark.slow

STATUS, VM = Ipv6Method.STATUS, Ipv6Method.DIAGNOSTIC_VM
OWN = answer("{}", "404 Not Found", "Server: aleph-vm/1.9.0")


@pytest.mark.parametrize(
    ("spec", "expected", "paths"),
    [
        pytest.param(
            NodeSpec(version="1.9.0"), Ipv6(STATUS, vm=True, host=True), [IPV6], id="1.9.0"
        ),
        pytest.param(
            NodeSpec(version="1.14.0", vm_ipv6=False),
            Ipv6(STATUS, vm=False, host=True),
            [IPV6],
            id="vm-fails",
        ),
        pytest.param(
            NodeSpec(host_ipv6=False, vm_ipv6=False),
            Ipv6(STATUS, vm=False, host=False),
            [IPV6],
            id="host-fails",
        ),
        pytest.param(NodeSpec(version="1.8.1"), Ipv6(VM, vm=True), [IP6], id="1.8.1"),
        pytest.param(NodeSpec(version="1.3.0-41-g7303587"), Ipv6(VM, vm=True), [IP6], id="commit"),
        pytest.param(NodeSpec(version="0.2.8"), Ipv6(VM, vm=True), [IP6], id="0.2.8"),
        pytest.param(
            NodeSpec(version="1.8.1", vm_ipv6=False), Ipv6(VM, vm=False), [IP6], id="503-is-false"
        ),
        pytest.param(
            NodeSpec(version="version-unavailable"),
            Ipv6(STATUS, vm=True, host=True),
            [IPV6],
            id="unknown-version",
        ),
        pytest.param(
            NodeSpec(cold=True), Ipv6(STATUS, vm=False, host=True), [IPV6], id="cold-vm-says-false"
        ),
        pytest.param(
            NodeSpec(fault=Fault.SERVER_ERROR, paths=frozenset({IPV6})),
            None,
            [IPV6],
            id="500-says-nothing",
        ),
        pytest.param(
            NodeSpec(fault=Fault.CLIENT_ERROR, paths=frozenset({IPV6})),
            None,
            [IPV6],
            id="unknown-route-says-nothing",
        ),
        pytest.param(NodeSpec(version="1.12.0", draining=True), ..., [IPV6], id="draining"),
        pytest.param(
            NodeSpec(version="1.8.1", fault=Fault.UNAVAILABLE, paths=frozenset({IP6})),
            None,
            [IP6],
            id="503-of-another-kind-says-nothing",
        ),
        pytest.param(
            NodeSpec(version="1.8.1", fault=Fault.HTML, paths=frozenset({IP6})),
            None,
            [IP6],
            id="a-page-says-nothing",
        ),
    ],
)
async def test_who_is_asked_and_believed(
    context: ssl.SSLContext,
    authority: Authority,
    spec: NodeSpec,
    expected: Any,
    paths: list[str],
) -> None:
    """Its own check from 1.9.0 on; before, the diagnostic VM: one of them in a visit."""
    async with Host(spec, authority=authority) as host, open_bed(context) as bed:
        observation = await bed.look(host.address_url, ipv6=True)
        assert [request.path for request in host.traffic.last_requests] == [CONFIG, USAGE, *paths]
    assert observation.reachable
    if expected is not ...:
        assert observation.ipv6 == expected


@pytest.mark.parametrize("version", ["1.14.0", "version-unavailable", "1.8.1"])
async def test_the_vm_is_asked_where_the_node_could_not_say(
    context: ssl.SSLContext, authority: Authority, version: str
) -> None:
    """A visit that is to ask the diagnostic VM asks no one else about IPv6."""
    async with Host(NodeSpec(version=version), authority=authority) as host:
        async with open_bed(context) as bed:
            visit = bed.prober.visit(node_at(host.address_url), VM)
            await visit.run()
        assert [request.path for request in host.traffic.last_requests] == [CONFIG, USAGE, IP6]
    assert visit.observation().ipv6 == Ipv6(VM, vm=True)


async def test_by_hand_both_are_asked(context: ssl.SSLContext, authority: Authority) -> None:
    """Where no later visit asks the diagnostic VM, this one does."""
    spec = NodeSpec(fault=Fault.SERVER_ERROR, paths=frozenset({IPV6}))
    limits = VisitLimits(timeout_seconds=2.0, requests=4)
    async with Host(spec, authority=authority) as host, open_bed(context, limits=limits) as bed:
        observation = await bed.look(host.address_url, ipv6=True)
    assert observation.ipv6 == Ipv6(VM, vm=True)


async def test_a_cold_vm_is_warm_at_the_second_look(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """A cold diagnostic VM says false once: what is believed is for the state to decide."""
    async with (
        Host(NodeSpec(cold=True), authority=authority) as host,
        open_bed(context) as bed,
    ):
        said = [(await bed.look(host.address_url, ipv6=True)).ipv6 for _ in range(2)]
    assert said == [Ipv6(STATUS, vm=False, host=True), Ipv6(STATUS, vm=True, host=True)]


async def test_not_asked_when_not_due(context: ssl.SSLContext, authority: Authority) -> None:
    """What starts a VM on the node is asked on its own cadence only."""
    async with Host(authority=authority) as host, open_bed(context) as bed:
        observation = await bed.look(host.address_url, ipv6=False)
        assert observation.ipv6 is None
        assert host.traffic.requests_by_path[IPV6] == host.traffic.requests_by_path[IP6] == 0


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(NodeSpec(fault=Fault.WEB_SERVER), id="no-node"),
        pytest.param(NodeSpec(fault=Fault.HANG_BEFORE_HEADERS), id="hangs"),
        pytest.param(
            NodeSpec(fault=Fault.HANG_BEFORE_HEADERS, paths=frozenset({USAGE})), id="hangs-later"
        ),
    ],
)
async def test_not_asked_of_what_does_not_answer(
    context: ssl.SSLContext, authority: Authority, spec: NodeSpec
) -> None:
    """Neither a host that is no node nor one that hangs is asked to start a VM."""
    async with (
        Host(spec, authority=authority) as host,
        open_bed(context, limits=VisitLimits(timeout_seconds=0.4)) as bed,
    ):
        await bed.look(host.address_url, ipv6=True)
        assert host.traffic.requests_by_path[IPV6] == host.traffic.requests_by_path[IP6] == 0


async def test_the_diagnostic_vm_has_its_own_limit(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """A VM that boots for longer than the node's limit is waited for, up to a limit of its own."""
    limits = VisitLimits(timeout_seconds=0.4, diagnostic_timeout_seconds=3.0)
    spec = NodeSpec(version="1.8.1", cold=True)
    responder = NodeResponder(spec, "crn.simulated.test", NodeEnvironment(latency=0.2))
    async with (
        Host(spec, authority=authority, responder=responder) as host,
        open_bed(context, limits=limits) as bed,
    ):
        observation = await bed.look(host.address_url, ipv6=True)
    probe = observation.probes[-1]
    assert probe.endpoint is Endpoint.DIAGNOSTIC_VM
    assert probe.failure is Failure.NONE
    assert probe.duration_seconds > 0.4
    assert observation.ipv6 == Ipv6(VM, vm=True)


async def test_the_diagnostic_vm_runs_out_of_its_limit(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """A VM that never answers says nothing, and the node is reachable all the same."""
    hangs = NodeSpec(version="1.8.1", fault=Fault.HANG_BEFORE_HEADERS, paths=frozenset({IP6}))
    limits = VisitLimits(timeout_seconds=5.0, diagnostic_timeout_seconds=0.3)
    async with (
        Host(hangs, authority=authority) as host,
        open_bed(context, limits=limits) as bed,
    ):
        observation = await bed.look(host.address_url, ipv6=True)
    assert observation.reachable
    assert observation.probes[-1].failure is Failure.ANSWER_TIMEOUT
    assert observation.ipv6 is None


@pytest.mark.parametrize(
    ("status", "body", "failure", "vm"),
    [
        pytest.param("200 OK", '{"result": true}', Failure.NONE, True, id="true"),
        pytest.param("200 OK", '{"result": false, "reason": "x"}', Failure.NONE, False, id="false"),
        pytest.param("503 No", '{"result": false}', Failure.NONE, False, id="false-with-503"),
        pytest.param("503 No", '{"error": "draining"}', Failure.SERVER_ERROR, None, id="draining"),
        pytest.param("500 No", '{"result": false}', Failure.SERVER_ERROR, None, id="500"),
        pytest.param("502 No", "", Failure.SERVER_ERROR, None, id="502"),
        pytest.param("404 No", "", Failure.CLIENT_ERROR, None, id="404"),
        pytest.param("200 OK", '{"result": "true"}', Failure.WRONG_SHAPE, None, id="text"),
        pytest.param("200 OK", '{"result": null}', Failure.WRONG_SHAPE, None, id="null"),
    ],
)
async def test_what_a_diagnostic_vm_says(
    context: ssl.SSLContext,
    authority: Authority,
    status: str,
    body: str,
    failure: Failure,
    vm: bool | None,
) -> None:
    """Its word is believed with 200 and with 503; anything else is no word."""
    table = {CONFIG: OWN.replace(b"1.9.0", b"1.8.1"), IP6: answer(body, status)}
    async with (
        Host(authority=authority, responder=Lines(table)) as host,
        open_bed(context) as bed,
    ):
        observation = await bed.look(host.address_url, ipv6=True)
    assert observation.probes[-1].failure is failure
    assert (observation.ipv6.vm if observation.ipv6 else None) is vm


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
@pytest.mark.parametrize(
    ("record", "here", "aaaa", "direct"),
    [
        pytest.param(AaaaRecord.TRUE, True, True, True, id="record-that-is-true"),
        pytest.param(AaaaRecord.REFUSED, True, True, False, id="record-that-lies"),
        pytest.param(AaaaRecord.NONE, True, False, None, id="no-record"),
        pytest.param(AaaaRecord.TRUE, False, True, None, id="no-ipv6-here"),
    ],
)
async def test_record_and_direct_connection(
    context: ssl.SSLContext,
    authority: Authority,
    record: AaaaRecord,
    here: bool,
    aaaa: bool,
    direct: bool | None,
) -> None:
    """Whether its name has an address, and whether that takes a connection from here."""
    async with (
        Host(NodeSpec(aaaa=record), authority=authority) as host,
        open_bed(context) as bed,
    ):
        bed.know(host, host.address, *(("::1",) if record is not AaaaRecord.NONE else ()))
        bed.prober.use_ipv6(here)
        observation = await bed.look(host, ipv6=True)
        async with asyncio.timeout(2):
            await host.wait_idle()
    assert observation.ipv6 == Ipv6(STATUS, vm=True, host=True, aaaa=aaaa, direct=direct)
