"""The truth about a node at one time: everything that a collector must find.

Computed from the script and `expected_result`, never by the collector's own code.
"""

import dataclasses
from collections import Counter
from dataclasses import dataclass

from crn_simulator.script.endpoint import USAGE
from crn_simulator.script.fault import Fault
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.machine import Load
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.script.node_spec import AaaaRecord, NodeSpec
from crn_simulator.truth.expected_result import asks_diagnostic_vm, expected_result, ipv6_answers


@dataclass(frozen=True, slots=True)
class GpuTruth:
    """GPUs of one model and device. model: as the node states it; None if it states none."""

    model: str | None
    device_id: str
    total: int
    used: int


@dataclass(frozen=True, slots=True)
class UsageTruth:
    """What the usage endpoint states. Memory and disk in bytes.

    disk_…: None if a fault makes them unreadable.
    gpus: None if the firmware does not report GPUs, or a fault makes them unreadable; empty if
        there are none.
    """

    cpu_count: int
    load1: float
    load5: float
    load15: float
    mem_total_bytes: int
    mem_available_bytes: int
    disk_total_bytes: int | None
    disk_available_bytes: int | None
    gpus: tuple[GpuTruth, ...] | None


@dataclass(frozen=True, slots=True)
class Ipv6Truth:
    """What an IPv6 check finds once a stopped diagnostic VM has had time to start.

    method: `status`, or `diagnostic_vm` where the node's own check is missing or broken.
    host: IPv6 works on the host; vm: in its VMs; ok: the result of the method as a whole.
    aaaa: there is an AAAA record; direct: a TCP connection over IPv6 succeeds.
    """

    method: str
    host: bool
    vm: bool
    ok: bool
    aaaa: bool
    direct: bool


@dataclass(frozen=True, slots=True)
class NodeTruth:
    """Everything that a collector can find about one node.

    node: hash. host: DNS name. name: display name as registered.
    cause: the fault that the script gives the node.
    reachable, failure, fault: what a collector must find whose own network works.
    config: `/status/config` is read, at least in part. version: None if no response states it.
    usage: None if its probe fails.
    ipv6: None if the check is not made, since an earlier probe ended the visit or no response
        showed a compute node, or if the fault affects it as well.
    """

    node: str
    listed: bool
    host: str
    name: str
    cause: Fault
    reachable: bool
    failure: str
    fault: str
    config: bool
    version: str | None
    usage: UsageTruth | None
    ipv6: Ipv6Truth | None


def truth_at(script: NetworkScript, index: int, time: float) -> NodeTruth:
    """Return the truth about a node of a script at a time (seconds since the epoch)."""
    stage, load = script.stage(index, time), script.load(index, time)
    spec = stage.spec
    expected = expected_result(spec)
    return NodeTruth(
        node=script.profile(index).hash,
        listed=stage.listed,
        host=stage.host,
        name=stage.name,
        cause=spec.fault,
        reachable=expected.reachable,
        failure=expected.failure,
        fault=expected.fault,
        config=expected.config,
        version=spec.version if expected.version else None,
        usage=_usage(spec, load) if expected.usage else None,
        ipv6=_ipv6(spec) if ipv6_answers(spec) else None,
    )


def without_load(truth: NodeTruth) -> NodeTruth:
    """Return the truth with the values that change every minute set to 0; GPUs stay."""
    if truth.usage is None:
        return truth
    usage = dataclasses.replace(
        truth.usage, load1=0, load5=0, load15=0, mem_available_bytes=0, disk_available_bytes=0
    )
    return dataclasses.replace(truth, usage=usage)


def _usage(spec: NodeSpec, load: Load) -> UsageTruth:
    machine, unread = spec.machine, FAULT_EFFECTS[spec.fault_on(USAGE)].unread
    has_disk, has_gpus = "disk" not in unread, "gpus" not in unread
    return UsageTruth(
        cpu_count=machine.cpu_count,
        load1=load.load1,
        load5=load.load5,
        load15=load.load15,
        mem_total_bytes=machine.mem_total_kb * 1000,
        mem_available_bytes=load.mem_available_kb * 1000,
        disk_total_bytes=machine.disk_total_kb * 1000 if has_disk else None,
        disk_available_bytes=load.disk_available_kb * 1000 if has_disk else None,
        gpus=_gpus(spec, load) if spec.firmware.has_gpu and has_gpus else None,
    )


def _gpus(spec: NodeSpec, load: Load) -> tuple[GpuTruth, ...]:
    names_models = spec.firmware.names_gpu_models
    cards = [(card.model if names_models else None, card.device_id) for card in spec.machine.gpus]
    used = Counter(cards[: load.taken_gpus])
    return tuple(
        GpuTruth(model, device_id, total, used[model, device_id])
        for (model, device_id), total in Counter(cards).items()
    )


def _ipv6(spec: NodeSpec) -> Ipv6Truth:
    by_vm = asks_diagnostic_vm(spec)
    return Ipv6Truth(
        method="diagnostic_vm" if by_vm else "status",
        host=spec.host_ipv6,
        vm=spec.vm_ipv6,
        ok=spec.vm_ipv6 and (by_vm or spec.host_ipv6),
        aaaa=spec.aaaa is not AaaaRecord.NONE,
        direct=spec.aaaa is AaaaRecord.TRUE,
    )
