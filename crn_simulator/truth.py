"""What is really true of a node at one moment, and the file that says so.

Computed from the script by the rules of `outcome`, never by the collector's own code.
"""

import dataclasses
from collections import Counter
from dataclasses import dataclass

from crn_simulator.behaviour import Aaaa, Behaviour
from crn_simulator.fault import Fault
from crn_simulator.life import Stage
from crn_simulator.machine import Load
from crn_simulator.outcome import asks_diagnostic_vm, conclude, ipv6_answers


@dataclass(frozen=True, slots=True)
class GpuTruth:
    """Cards of one kind. model: as the node shows it; None if it shows none."""

    model: str | None
    device_id: str
    total: int
    used: int


@dataclass(frozen=True, slots=True)
class UsageTruth:
    """What usage shows. Memory and disk in bytes.

    gpus: None if the firmware does not speak of GPUs; empty if there are none.
    """

    cpu_count: int
    load1: float
    load5: float
    load15: float
    mem_total_bytes: int
    mem_available_bytes: int
    disk_total_bytes: int
    disk_available_bytes: int
    gpus: tuple[GpuTruth, ...] | None


@dataclass(frozen=True, slots=True)
class Ipv6Truth:
    """What a check of IPv6 finds, once a cold diagnostic VM was given time to wake.

    method: `status`, or `diagnostic_vm` where the node's own check is missing or broken.
    host: whether it works on the host; vm: in its VMs; ok: what the method says as a whole.
    aaaa: there is a record; direct: TCP over IPv6 connects.
    """

    method: str
    host: bool
    vm: bool
    ok: bool
    aaaa: bool
    direct: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that a collector could say of one node, as it really is.

    node: hash. host: name in DNS. name: display name as registered. cause: what the script does
    to the node. reachable, failure, fault: what a collector that can see must conclude.
    config: `/status/config` gives what it should. version: None if nothing shows it.
    usage: None if it does not answer. ipv6: None if it is not asked for, since another check ended
    the round or nothing showed a compute node, or if its checks are spoilt as well.
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


def truth(node: str, stage: Stage, load: Load) -> Truth:
    """The truth about a node at a stage of its life, under a load."""
    behaviour = stage.behaviour
    found = conclude(behaviour)
    return Truth(
        node=node,
        listed=stage.listed,
        host=stage.host,
        name=stage.name,
        cause=behaviour.fault,
        reachable=found.reachable,
        failure=found.failure,
        fault=found.fault,
        config=found.config,
        version=behaviour.version if found.version else None,
        usage=_usage(behaviour, load) if found.usage else None,
        ipv6=_ipv6(behaviour) if ipv6_answers(behaviour) else None,
    )


def without_usage(whole: Truth) -> Truth:
    """The same without figures that change with the minute; GPUs stay."""
    if whole.usage is None:
        return whole
    still = dataclasses.replace(
        whole.usage, load1=0, load5=0, load15=0, mem_available_bytes=0, disk_available_bytes=0
    )
    return dataclasses.replace(whole, usage=still)


def _usage(behaviour: Behaviour, load: Load) -> UsageTruth:
    machine = behaviour.machine
    return UsageTruth(
        cpu_count=machine.cpu_count,
        load1=load.load1,
        load5=load.load5,
        load15=load.load15,
        mem_total_bytes=machine.mem_total_kb * 1000,
        mem_available_bytes=load.mem_available_kb * 1000,
        disk_total_bytes=machine.disk_total_kb * 1000,
        disk_available_bytes=load.disk_available_kb * 1000,
        gpus=_gpus(behaviour, load) if behaviour.firmware.has_gpu else None,
    )


def _gpus(behaviour: Behaviour, load: Load) -> tuple[GpuTruth, ...]:
    named = behaviour.firmware.names_gpu_models
    cards = [(card.model if named else None, card.device_id) for card in behaviour.machine.gpus]
    used = Counter(cards[: load.taken_gpus])
    return tuple(
        GpuTruth(model, device_id, total, used[model, device_id])
        for (model, device_id), total in Counter(cards).items()
    )


def _ipv6(behaviour: Behaviour) -> Ipv6Truth:
    by_vm = asks_diagnostic_vm(behaviour)
    return Ipv6Truth(
        method="diagnostic_vm" if by_vm else "status",
        host=behaviour.host_ipv6,
        vm=behaviour.vm_ipv6,
        ok=behaviour.vm_ipv6 and (by_vm or behaviour.host_ipv6),
        aaaa=behaviour.aaaa is not Aaaa.NONE,
        direct=behaviour.aaaa is Aaaa.TRUE,
    )
