"""The answers of a node by the contracts of its firmware, from 0.2.7 to the newest.

Bodies come from strangers: types are strict, numbers are bounded by what a machine can hold, text
is bounded, unknown keys are ignored, and what old firmware leaves out is None.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from collector.model.observation import Config, Gpu, Usage
from collector.text import clean

MAX_CPUS: Final = 65_536
MAX_GPUS: Final = 64
MAX_KILOBYTES: Final = 10**15
"""A million terabytes."""
MAX_LOAD: Final = 10**6


def _short(text: Any) -> Any:
    return clean(text) if isinstance(text, str) else text


def _or_none(text: Any) -> Any:
    return clean(text) or None if isinstance(text, str) else None


Text = Annotated[str, BeforeValidator(_short)]
"""Text that becomes a name somewhere: one clean line of at most 64 characters."""
MaybeText = Annotated[str | None, BeforeValidator(_or_none)]
"""Text that may be missing, empty or of another type; then it is None."""
Kilobytes = Annotated[int, Field(ge=0, le=MAX_KILOBYTES)]
Load = Annotated[float, Field(ge=0, le=MAX_LOAD, allow_inf_nan=False)]


class _Wire(BaseModel):
    """Ignores what it does not know: newer firmware adds keys."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Load(_Wire):
    load1: Load
    load5: Load
    load15: Load


class _Cpu(_Wire):
    count: int = Field(gt=0, le=MAX_CPUS)
    load_average: _Load


class _Space(_Wire):
    """Memory or disk, in units of 1,000 bytes."""

    total_kB: Kilobytes = Field(gt=0)  # noqa: N815  the name on the wire
    available_kB: Kilobytes  # noqa: N815


class _CpuProperties(_Wire):
    architecture: MaybeText = None
    vendor: MaybeText = None


class _Properties(_Wire):
    cpu: _CpuProperties = _CpuProperties()


class _Gpu(_Wire):
    """`model` and `compatible` are missing before 1.4, `model` also on cards not rented out."""

    vendor: MaybeText = None
    model: MaybeText = None
    device_name: MaybeText = None
    pci_host: MaybeText = None
    device_id: MaybeText = None
    compatible: bool | None = None


class _Gpus(_Wire):
    devices: list[_Gpu] = Field(default_factory=list, max_length=MAX_GPUS)
    available_devices: list[_Gpu] = Field(default_factory=list, max_length=MAX_GPUS)


class UsageWire(_Wire):
    """`/about/usage/system`."""

    cpu: _Cpu
    mem: _Space
    disk: _Space
    properties: _Properties = _Properties()
    gpu: _Gpus | None = None

    def usage(self) -> Usage:
        """Return the usage, in bytes."""
        load = self.cpu.load_average
        return Usage(
            cpu_count=self.cpu.count,
            load1=load.load1,
            load5=load.load5,
            load15=load.load15,
            mem_total_bytes=self.mem.total_kB * 1000.0,
            mem_available_bytes=min(self.mem.available_kB, self.mem.total_kB) * 1000.0,
            disk_total_bytes=self.disk.total_kB * 1000.0,
            disk_available_bytes=min(self.disk.available_kB, self.disk.total_kB) * 1000.0,
            architecture=self.properties.cpu.architecture,
            cpu_vendor=self.properties.cpu.vendor,
            gpus=None if self.gpu is None else _gpus(self.gpu),
        )


def _gpus(gpu: _Gpus) -> tuple[Gpu, ...]:
    """Return every device once; free if its slot (or its kind, without one) is listed as free."""
    free = [(g.pci_host, g.device_id) for g in gpu.available_devices]
    gpus = []
    for device in gpu.devices:
        key = (device.pci_host, device.device_id)
        if available := key in free:
            free.remove(key)
        gpus.append(
            Gpu(
                device_id=device.device_id or "unknown",
                model=device.model,
                device_name=device.device_name or "",
                compatible=device.compatible,
                available=available,
            )
        )
    return tuple(gpus)


Flag = Annotated[bool | None, BeforeValidator(lambda v: v if isinstance(v, bool) else None)]


class _References(_Wire):
    CHECK_FASTAPI_VM_ID: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$")] | None = (
        None
    )


class _Payment(_Wire):
    """Missing before 0.4.0."""

    PAYMENT_RECEIVER_ADDRESS: MaybeText = None


class _Computing(_Wire):
    """Missing before 1.0.0."""

    ENABLE_QEMU_SUPPORT: Flag = None
    ENABLE_CONFIDENTIAL_COMPUTING: Flag = None
    ENABLE_GPU_SUPPORT: Flag = None


class ConfigWire(_Wire):
    """`/status/config`, there since 0.3.1."""

    version: Text
    references: _References
    networking: dict[str, Any]
    payment: _Payment = _Payment()
    computing: _Computing = _Computing()

    def config(self) -> Config:
        """Return the configuration."""
        return Config(
            version=usable_version(self.version),
            payment_receiver=self.payment.PAYMENT_RECEIVER_ADDRESS,
            qemu=self.computing.ENABLE_QEMU_SUPPORT,
            confidential=self.computing.ENABLE_CONFIDENTIAL_COMPUTING,
            gpu=self.computing.ENABLE_GPU_SUPPORT,
            diagnostic_vm=self.references.CHECK_FASTAPI_VM_ID,
        )


class Ipv6Wire(_Wire):
    """`/status/check/ipv6`, there since 0.4.0."""

    host: bool
    vm: bool


class DiagnosticWire(_Wire):
    """`/vm/<diagnostic VM>/ip/6`: 200 with true, or 503 with false."""

    result: bool


def usable_version(text: str) -> str | None:
    """Return a version as a node states it, cleaned; None if it states none."""
    version = clean(text)
    return None if version in ("", "version-unavailable") else version
