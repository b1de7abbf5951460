"""What a node is from the beginning: its hash, name, machine, and place behind proxies."""

import hashlib
from dataclasses import dataclass

from crn_simulator.behaviour import Aaaa, ServerHeader
from crn_simulator.chance import chance, pick, weighted
from crn_simulator.firmware import RELEASES
from crn_simulator.machine import COMPATIBLE_GPUS, UNLISTED_GPUS, GpuModel, Machine

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
_RECORDS = ((Aaaa.TRUE, 55.0), (Aaaa.NONE, 40.0), (Aaaa.REFUSED, 3.0), (Aaaa.BLACK_HOLE, 2.0))
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
class Trait:
    """What does not change in the life of a node.

    release: its place in `RELEASES` at the beginning.
    share: where it stands among the nodes by latency, 0 (fastest) to 1.
    keeps_header: whether its wrong answers come from its own software.
    """

    index: int
    hash: str
    name: str
    machine: Machine
    server: ServerHeader
    aaaa: Aaaa
    host_ipv6: bool
    vm_ipv6: bool
    cold: bool
    release: int
    share: float
    keeps_header: bool


def trait(seed: int, index: int, *, ipv6: bool = True) -> Trait:
    """The traits of one node of the network that has this seed.

    ipv6: whether nodes may have AAAA records at all.
    """
    key = (seed, index)
    host_ipv6 = chance(*key, "host_ipv6") < 0.85
    version = weighted(_VERSIONS, *key, "version")
    return Trait(
        index=index,
        hash=hashlib.sha256(f"simulated/{seed}/{index}".encode()).hexdigest(),
        name=_name(key),
        machine=_machine(key),
        server=weighted(_SERVERS, *key, "server"),
        aaaa=weighted(_RECORDS, *key, "aaaa") if ipv6 else Aaaa.NONE,
        host_ipv6=host_ipv6,
        vm_ipv6=host_ipv6 and chance(*key, "vm_ipv6") < 0.93,
        cold=chance(*key, "cold") < 0.3,
        release=RELEASES.index(version),
        share=chance(*key, "latency"),
        keeps_header=chance(*key, "keeps_header") < 0.5,
    )


def _name(key: tuple[int, int]) -> str:
    if chance(*key, "odd_name") < 0.02:
        return pick(_ODD_NAMES, *key, "name")
    return f"{pick(_FIRST, *key, 'first')}-{pick(_SECOND, *key, 'second')}-{key[1]:02}"


def _machine(key: tuple[int, int]) -> Machine:
    vendor = weighted(_VENDORS, *key, "vendor")
    sev = vendor == "AuthenticAMD" and chance(*key, "sev") < 0.05
    receiver = f"0x{hashlib.sha256(f'pay/{key}'.encode()).hexdigest()[:40]}"
    return Machine(
        cpu_count=pick(_CPUS, *key, "cpu"),
        architecture="arm64" if vendor == "Ampere" else "x86_64",
        vendor=vendor,
        features=("sev", "sev_es") if sev else (),
        mem_total_kb=pick(_MEMORY_GB, *key, "memory") * 1_000_000 - 780_457,
        disk_total_kb=pick(_DISK_GB, *key, "disk") * 1_000_000 - 187_662,
        gpus=_gpus(key),
        qemu=chance(*key, "qemu") < 0.9,
        confidential=sev,
        ipv6_pool=f"2001:db8:{key[1] >> 16:x}:{key[1] & 0xFFFF:x}::/64",
        payment_receiver=receiver if chance(*key, "receiver") < 0.8 else "",
    )


def _gpus(key: tuple[int, int]) -> tuple[GpuModel, ...]:
    if chance(*key, "gpu") >= _GPU_SHARE:
        return ()
    models = UNLISTED_GPUS if chance(*key, "unlisted") < 0.1 else COMPATIBLE_GPUS
    first = (pick(models, *key, "gpu_model"),) * pick((1, 1, 2, 4, 8), *key, "gpu_count")
    second = (pick(models, *key, "gpu_other"),) if chance(*key, "gpu_mixed") < 0.2 else ()
    return first + second
