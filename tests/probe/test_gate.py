"""How many nodes are looked at together, and that nobody's clock runs while it waits."""

from __future__ import annotations

import asyncio
import resource
import ssl

import pytest

from collector.crawl import gate as gates
from collector.crawl.gate import RESERVED_DESCRIPTORS, Gate, gate_size
from collector.crawl.round import RoundTiming
from collector.crawl.sweep import Sweep
from collector.errors import ConfigurationError
from collector.probe.visit import VisitLimits
from collector.state.plan import VisitPlan
from crn_simulator.script.fault import Fault
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.host import Host
from tests.support.probe_bed import node_at, open_bed


@pytest.mark.parametrize(
    ("soft", "wanted", "size"),
    [
        pytest.param(1024, 500, 500, id="as-wanted"),
        pytest.param(256, 500, 256 - RESERVED_DESCRIPTORS, id="by-descriptors"),
        pytest.param(RESERVED_DESCRIPTORS + 1, 500, 1, id="one-is-left"),
        pytest.param(resource.RLIM_INFINITY, 500, 500, id="without-limit"),
    ],
)
def test_size(monkeypatch: pytest.MonkeyPatch, soft: int, wanted: int, size: int) -> None:
    """The gate is what is wanted, or what the soft limit of descriptors leaves."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (soft, resource.RLIM_INFINITY))
    assert gate_size(wanted) == size


@pytest.mark.parametrize(
    ("soft", "wanted", "warned"),
    [
        pytest.param(RESERVED_DESCRIPTORS + 16, 500, True, id="few"),
        pytest.param(RESERVED_DESCRIPTORS + 16, 16, False, id="as-wanted"),
        pytest.param(1024, 1024, False, id="enough"),
    ],
)
def test_few_places_are_a_warning(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    soft: int,
    wanted: int,
    warned: bool,
) -> None:
    """A limit by which a long list is not crawled in time is told, with how to raise it."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (soft, resource.RLIM_INFINITY))
    gate_size(wanted)
    assert ("ulimit -n" in caplog.text) is warned


def test_no_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that leaves no descriptor for a visit refuses to start, and says how to raise it."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (RESERVED_DESCRIPTORS, 4096))
    with pytest.raises(ConfigurationError, match="limit of file descriptors is 64") as caught:
        gate_size(500)
    assert "ulimit -n" in caught.value.advice


def test_size_without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a platform has no such limits the gate is what is wanted."""
    monkeypatch.setattr(gates, "resource", None)
    assert gate_size(7) == 7


async def _waits(gate: Gate, slow: bool) -> asyncio.Task[None]:
    task = asyncio.create_task(gate.enter(slow))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return task


async def test_lane_is_a_quarter_and_inside() -> None:
    """Of eight places two are for nodes that hang, and those two are taken from the eight."""
    gate = Gate(8)
    for _ in range(2):
        await gate.enter(slow=True)
    third = await _waits(gate, slow=True)
    assert not third.done()
    for _ in range(6):
        await gate.enter(slow=False)
    other = await _waits(gate, slow=False)
    assert not other.done()
    gate.leave(slow=True)
    await asyncio.gather(other)
    third.cancel()
    await asyncio.wait({third})


async def test_who_gives_up_waiting_holds_no_place() -> None:
    """A wait that is cancelled, inside the lane or before the gate, takes nothing along."""
    gate = Gate(4)
    for _ in range(4):
        await gate.enter(slow=False)
    tasks = [await _waits(gate, slow=True), await _waits(gate, slow=True)]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for _ in range(4):
        gate.leave(slow=False)
    async with asyncio.timeout(1):
        await gate.enter(slow=True)
        for _ in range(3):
            await gate.enter(slow=False)


async def test_waiting_is_in_no_clock(context: ssl.SSLContext, authority: Authority) -> None:
    """Behind a node that takes its whole time, a healthy one is seen with its own durations."""
    limits = VisitLimits(timeout_seconds=0.6)
    async with (
        Host(NodeSpec(fault=Fault.HANG_BEFORE_HEADERS), authority=authority) as slow,
        Host(authority=authority) as healthy,
        open_bed(context, limits=limits, connections=1) as bed,
    ):
        nodes = [node_at(slow.address_url), node_at(healthy.address_url)]
        plans = [VisitPlan(n, ipv6=None, hung=False, evidence_at=i) for i, n in enumerate(nodes)]
        seen = await Sweep(Gate(1), bed.prober.visit).run(plans, RoundTiming(0, 5))
    observation = seen[nodes[1].hash]
    assert observation.reachable
    assert observation.duration_seconds is not None
    hung = seen[nodes[0].hash].duration_seconds
    assert hung is not None
    assert observation.duration_seconds < hung
    assert not seen[nodes[0].hash].reachable


async def test_the_connector_never_has_waiters(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """A gate as wide as the connector's limit keeps everybody out of the connector's own queue."""
    most = 0
    async with (
        Host(authority=authority) as host,
        open_bed(context, connections=4) as bed,
    ):
        connector = bed.prober.session.connector
        assert connector is not None

        def note(_: object) -> None:
            nonlocal most
            most = max(most, sum(map(len, connector._waiters.values())))

        nodes = [node_at(f"{host.address_url}/{i}") for i in range(40)]
        plans = [
            VisitPlan(node, ipv6=None, hung=i % 5 == 0, evidence_at=0)
            for i, node in enumerate(nodes)
        ]
        seen = await Sweep(Gate(4), bed.prober.visit, note).run(plans, RoundTiming(0, 10))
    assert len(seen) == 40
    assert most == 0
