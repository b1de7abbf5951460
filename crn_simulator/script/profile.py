"""Profile of a node: what never changes about it, such as hash, name, machine and proxy."""

import hashlib
from dataclasses import dataclass

from crn_simulator.script.firmware import RELEASES
from crn_simulator.script.machine import COMPATIBLE_GPUS, UNLISTED_GPUS, GpuModel, Machine
from crn_simulator.script.node_spec import AaaaRecord, ServerHeader
from crn_simulator.script.seeded_random import choose, choose_weighted, fraction

_FIRST = ("amber", "basalt", "cedar", "delta", "ember", "fjord", "granite", "harbor", "iris")
_SECOND = ("anvil", "beacon", "compute", "drift", "edge", "forge", "grove", "haven", "node")
_ODD_NAMES = ("", "  ", "Ünïcode nöde", "a,b=c d", 'quo"ted\\name', "x" * 200, "two\nlines")
_CPUS = (4, 8, 12, 16, 20, 32, 64, 128)
_MEMORY_GB = (16, 32, 64, 67, 128, 256, 512)
_DISK_GB = (400, 480, 960, 1853, 3840, 7600)
_VENDORS = (("GenuineIntel", 87.0), ("AuthenticAMD", 59.0), ("Ampere", 2.0))
_SERVERS = (
    (ServerHeader.ALEPH, 90.0),
    (ServerHeader.BESIDE_PROXY, 8.0),
    (ServerHeader.REPLACED, 2.0),
)
_RECORDS = (
    (AaaaRecord.TRUE, 55.0),
    (AaaaRecord.NONE, 40.0),
    (AaaaRecord.REFUSED, 3.0),
    (AaaaRecord.BLACK_HOLE, 2.0),
)
_VERSIONS = tuple(
    (version, weight)
    for version, weight in zip(
        RELEASES,
        (1, 2, 1, 1, 2, 2, 1, 1, 2, 3, 2, 3, 5, 4, 8, 12, 10, 10, 12, 10, 8),
        strict=True,
    )
)
_GPU_SHARE = 0.06


@dataclass(frozen=True, slots=True)
class NodeProfile:
    """What never changes about a node.

    release: index in `RELEASES` at the start of the script.
    latency_rank: its place among the nodes by latency, 0 (fastest) to 1.
    keeps_header: its wrong responses come from its own software and not from a proxy.
    """

    index: int
    hash: str
    name: str
    machine: Machine
    server: ServerHeader
    aaaa: AaaaRecord
    host_ipv6: bool
    vm_ipv6: bool
    cold: bool
    release: int
    latency_rank: float
    keeps_header: bool


def make_profile(seed: int, index: int, *, ipv6: bool = True) -> NodeProfile:
    """Return the profile of the node with this index in the network with this seed.

    ipv6: whether nodes may have AAAA records.
    """
    key = (seed, index)
    host_ipv6 = fraction(*key, "host_ipv6") < 0.85
    version = choose_weighted(_VERSIONS, *key, "version")
    return NodeProfile(
        index=index,
        hash=hashlib.sha256(f"simulated/{seed}/{index}".encode()).hexdigest(),
        name=_name(key),
        machine=_machine(key),
        server=choose_weighted(_SERVERS, *key, "server"),
        aaaa=choose_weighted(_RECORDS, *key, "aaaa") if ipv6 else AaaaRecord.NONE,
        host_ipv6=host_ipv6,
        vm_ipv6=host_ipv6 and fraction(*key, "vm_ipv6") < 0.93,
        cold=fraction(*key, "cold") < 0.3,
        release=RELEASES.index(version),
        latency_rank=fraction(*key, "latency"),
        keeps_header=fraction(*key, "keeps_header") < 0.5,
    )


def _name(key: tuple[int, int]) -> str:
    if fraction(*key, "odd_name") < 0.02:
        return choose(_ODD_NAMES, *key, "name")
    return f"{choose(_FIRST, *key, 'first')}-{choose(_SECOND, *key, 'second')}-{key[1]:02}"


def _machine(key: tuple[int, int]) -> Machine:
    vendor = choose_weighted(_VENDORS, *key, "vendor")
    sev = vendor == "AuthenticAMD" and fraction(*key, "sev") < 0.05
    receiver = f"0x{hashlib.sha256(f'pay/{key}'.encode()).hexdigest()[:40]}"
    return Machine(
        cpu_count=choose(_CPUS, *key, "cpu"),
        architecture="arm64" if vendor == "Ampere" else "x86_64",
        vendor=vendor,
        features=("sev", "sev_es") if sev else (),
        mem_total_kb=choose(_MEMORY_GB, *key, "memory") * 1_000_000 - 780_457,
        disk_total_kb=choose(_DISK_GB, *key, "disk") * 1_000_000 - 187_662,
        gpus=_gpus(key),
        qemu=fraction(*key, "qemu") < 0.9,
        confidential=sev,
        ipv6_pool=f"2001:db8:{key[1] >> 16:x}:{key[1] & 0xFFFF:x}::/64",
        payment_receiver=receiver if fraction(*key, "receiver") < 0.8 else "",
    )


def _gpus(key: tuple[int, int]) -> tuple[GpuModel, ...]:
    if fraction(*key, "gpu") >= _GPU_SHARE:
        return ()
    models = UNLISTED_GPUS if fraction(*key, "unlisted") < 0.1 else COMPATIBLE_GPUS
    first = (choose(models, *key, "gpu_model"),) * choose((1, 1, 2, 4, 8), *key, "gpu_count")
    second = (choose(models, *key, "gpu_other"),) if fraction(*key, "gpu_mixed") < 0.2 else ()
    return first + second
