"""Hardware of a node, and how much of it is in use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GpuModel:
    """A GPU model as the network's settings list it; `model` is None if they do not list it."""

    vendor: str
    model: str | None
    device_name: str
    device_id: str
    device_class: str = "0300"


COMPATIBLE_GPUS = (
    GpuModel("NVIDIA", "L40S", "AD102GL [L40S]", "10de:26b9", "0302"),
    GpuModel("NVIDIA", "RTX 5090", "GB202 [GeForce RTX 5090]", "10de:2685"),
    GpuModel("NVIDIA", "RTX 4090", "AD102 [GeForce RTX 4090]", "10de:2684"),
    # Listed twice under one device_id, as in the network's own settings.
    GpuModel("NVIDIA", "RTX 4090", "AD102 [GeForce RTX 4090 D]", "10de:2685"),
    GpuModel("NVIDIA", "RTX 3090", "GA102 [GeForce RTX 3090]", "10de:2204"),
    GpuModel("NVIDIA", "RTX 4000 ADA", "AD104GL [RTX 4000 SFF Ada Generation]", "10de:27b0"),
    GpuModel("NVIDIA", "H100", "GH100 [H100 PCIe]", "10de:2331", "0302"),
    GpuModel("NVIDIA", "A100", "GA100 [A100 PCIe 80GB]", "10de:20b5", "0302"),
)
UNLISTED_GPUS = (
    GpuModel("NVIDIA", None, "TU104 [GeForce RTX 2080]", "10de:1e87"),
    GpuModel("AMD", None, "Navi 31 [Radeon RX 7900 XTX]", "1002:744c"),
)


@dataclass(frozen=True, slots=True)
class Machine:
    """Hardware and settings of a node. Memory and disk in units of 1000 bytes, as reported.

    gpus: one entry per card.
    features: CPU features for confidential VMs; empty if there are none.
    payment_receiver: empty if the operator set none.
    """

    cpu_count: int = 16
    architecture: str = "x86_64"
    vendor: str = "AuthenticAMD"
    features: tuple[str, ...] = ()
    mem_total_kb: int = 67_219_543
    disk_total_kb: int = 1_853_812_338
    gpus: tuple[GpuModel, ...] = ()
    qemu: bool = True
    confidential: bool = False
    ipv6_pool: str = "2001:db8:1:2::/64"
    payment_receiver: str = "0x00000000000000000000000000000000000000a1"


@dataclass(frozen=True, slots=True)
class Load:
    """Usage of a machine at one time. Memory and disk in units of 1000 bytes.

    vms: number of running VMs.
    taken_gpus: number of GPUs assigned to VMs, from the first of `Machine.gpus` on.
    """

    vms: int = 2
    load1: float = 0.5
    load5: float = 0.4
    load15: float = 0.25
    mem_available_kb: int = 40_982_622
    disk_available_kb: int = 1_450_697_875
    taken_gpus: int = 0
