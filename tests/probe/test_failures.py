"""Every failure, provoked by a real server on loopback."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

import pytest

from collector.model.failure import Failure
from collector.model.observation import Observation
from collector.probe.visit import VisitLimits
from crn_simulator.script.fault import Fault, FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.machine import COMPATIBLE_GPUS, Machine
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.dns_server import DnsEntry, DnsMode
from crn_simulator.server.host import Host, HostAddress
from crn_simulator.server.trouble_effects import MANY_ADDRESSES
from crn_simulator.truth.expected_result import expected_result
from tests.support.probe_bed import Bed, open_bed

pytestmark = pytest.mark.slow

_NAMES = {
    Fault.DNS_NOT_FOUND: DnsEntry(mode=DnsMode.NOT_FOUND),
    Fault.DNS_NO_ADDRESS: DnsEntry(),
    Fault.DNS_SERVFAIL: DnsEntry(mode=DnsMode.SERVFAIL),
    Fault.DNS_REFUSED: DnsEntry(mode=DnsMode.REFUSED),
    Fault.DNS_SILENT: DnsEntry(mode=DnsMode.SILENT),
    Fault.DNS_PRIVATE_ADDRESS: DnsEntry(("10.1.2.3",)),
    Fault.DNS_MANY_ADDRESSES: MANY_ADDRESSES,
}
_ENTRIES = {
    Fault.ADDRESS_EMPTY: "",
    Fault.ADDRESS_JUNK: "ssh://me@node",
    Fault.ADDRESS_PRIVATE: "https://192.168.1.7:4020",
    Fault.ADDRESS_FORBIDDEN_HOST: "https://crn.Google.com/",
}
_PARTLY = [fault for fault, outcome in FAULT_EFFECTS.items() if outcome.phase is FaultPhase.ANSWER]


@dataclass
class Met:
    """What a look saw of a fault, and what the node saw of the look."""

    observation: Observation
    connections: int
    requests: int


async def meet(bed: Bed, authority: Authority, spec: NodeSpec, number: int) -> Met:
    """Look at a node that behaves so; by the time it returns the node has seen the end of it."""
    name = f"crn-{number}.simulated.test"
    async with Host(
        spec,
        authority=authority,
        address=HostAddress(name, certificate_names=("*.simulated.test",)),
    ) as host:
        bed.know(host)
        if special := _NAMES.get(spec.fault):
            bed.names.set_entry(name, special)
        observation = await bed.look(_ENTRIES.get(spec.fault, host))
        async with asyncio.timeout(5):
            await host.wait_idle()
        return Met(observation, host.traffic.connections, host.traffic.requests_by_path.total())


async def meet_all(
    context: ssl.SSLContext, authority: Authority, behaviours: list[NodeSpec]
) -> list[Met]:
    # all at once, floods included, in one process: healthy ones must not be short of time
    limits = VisitLimits(timeout_seconds=5.0)
    async with open_bed(
        context, limits=limits, connect_seconds=4.0, forbidden=("google.com",)
    ) as bed:
        jobs = (meet(bed, authority, b, i) for i, b in enumerate(behaviours))
        return await asyncio.gather(*jobs)


async def test_every_fault_gives_its_failure(context: ssl.SSLContext, authority: Authority) -> None:
    """A node with a fault on every path is judged as the table of outcomes says."""
    met = await meet_all(context, authority, [NodeSpec(fault=fault) for fault in Fault])
    seen = dict(zip(Fault, met, strict=True))
    assert {
        fault: (str(m.observation.failure), str(m.observation.failure.fault))
        for fault, m in seen.items()
    } == {fault: (outcome.failure, outcome.fault) for fault, outcome in FAULT_EFFECTS.items()}


async def test_every_fault_in_one_check_only(context: ssl.SSLContext, authority: Authority) -> None:
    """The failure of a check is the fault's own, and the node shows itself by the other check."""
    for path in ("/status/config", "/about/usage/system"):
        behaviours = [
            NodeSpec(fault=fault, paths=frozenset({path}), keeps_header=keeps)
            for fault in _PARTLY
            for keeps in (False, True)
        ]
        met = await meet_all(context, authority, behaviours)
        place = 0 if path == "/status/config" else 1
        assert [
            (b.fault, b.keeps_header, str(m.observation.failure), m.observation.version is not None)
            for b, m in zip(behaviours, met, strict=True)
        ] == [
            (b.fault, b.keeps_header, expected_result(b).failure, expected_result(b).version)
            for b in behaviours
        ]
        assert [
            (b.fault, str(m.observation.probes[place].failure))
            for b, m in zip(behaviours, met, strict=True)
        ] == [(b.fault, FAULT_EFFECTS[b.fault].probe_failure) for b in behaviours]


_IN_PART = {
    Fault.NULL_BLOCKS: (("computing", "payment", "references"), ("gpu", "properties")),
    Fault.BAD_FIELDS: (
        ("computing.ENABLE_QEMU_SUPPORT", "references.CHECK_FASTAPI_VM_ID"),
        ("disk", "gpu.devices.compatible"),
    ),
    Fault.NULL_GPU: (("networking",), ("gpu",)),
    Fault.TOO_MANY_GPUS: (("networking",), ("gpu",)),
    Fault.WHOLE_FLOATS: ((), ()),
    Fault.BYTE_ORDER_MARK: ((), ()),
}


async def test_answers_of_which_a_part_is_wrong(
    context: ssl.SSLContext, authority: Authority
) -> None:
    """The rest of the answer is read, and the probe names what is not."""
    machine = Machine(gpus=(COMPATIBLE_GPUS[0],))
    specs = [NodeSpec(fault=fault, machine=machine) for fault in _IN_PART]
    met = await meet_all(context, authority, specs)
    for fault, found in zip(_IN_PART, met, strict=True):
        observation, hidden = found.observation, FAULT_EFFECTS[fault].unread
        assert (observation.failure, observation.version) == (Failure.NONE, specs[0].version)
        assert tuple(probe.unread for probe in observation.probes) == _IN_PART[fault]
        usage = observation.usage
        assert usage is not None
        assert (usage.cpu_count, usage.mem_total_bytes) == (16, 67_219_543_000.0)
        assert (usage.disk_total_bytes is None, usage.gpus is None) == (
            "disk" in hidden,
            "gpus" in hidden,
        )
