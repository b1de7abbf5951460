"""The answers of a node by the contracts of its firmware, from 0.2.7 to the newest.

Bodies come from strangers: types are strict, numbers are bounded by what a machine can hold, text
is bounded, unknown keys are ignored, and what old firmware leaves out is None. An answer is judged
block by block: what is outside the contract is None and its name is noted as unread, as long as
enough of the answer shows what it is. The notes are the list that is given as validation's context.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from collector.model.observation import Config, Gpu, Usage
from collector.text import clean

MAX_CPUS: Final = 65_536
MAX_GPUS: Final = 64
MAX_KILOBYTES: Final = 10**15
"""A million terabytes."""
MAX_LOAD: Final = 10**6


def _short(text: Any) -> Any:
    return clean(text) if isinstance(text, str) else text


def _short_or_none(text: Any) -> Any:
    return clean(text) or None if isinstance(text, str) else text


def _whole(number: Any) -> Any:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _or_unread(name: str, *, null: bool = False) -> WrapValidator:
    """Return a validator that makes None of what the contract does not allow, and notes its name.

    `null`: the contract allows null.
    """

    def read(value: Any, validate: ValidatorFunctionWrapHandler, validation: ValidationInfo) -> Any:
        is_read = null
        if value is not None:
            try:
                return validate(value)
            except ValidationError:
                is_read = False
        if not is_read and validation.context is not None:
            validation.context.append(name)
        return None

    return WrapValidator(read)


Text = Annotated[str, BeforeValidator(_short)]
"""Text that becomes a name somewhere: one clean line of at most 64 characters."""
MaybeText = Annotated[str | None, BeforeValidator(_short_or_none)]
"""Text that may be missing, null or empty; then it is None."""
Count = Annotated[int, Field(gt=0, le=MAX_CPUS), BeforeValidator(_whole)]
Kilobytes = Annotated[int, Field(ge=0, le=MAX_KILOBYTES), BeforeValidator(_whole)]
Load = Annotated[float, Field(ge=0, le=MAX_LOAD, allow_inf_nan=False)]


class _Wire(BaseModel):
    """Ignores what it does not know: newer firmware adds keys."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Load(_Wire):
    load1: Load
    load5: Load
    load15: Load


class _Cpu(_Wire):
    count: Annotated[Count | None, _or_unread("cpu.count")] = Field(None, validate_default=True)
    load_average: Annotated[_Load | None, _or_unread("cpu.load_average")] = Field(
        None, validate_default=True
    )


class _Space(_Wire):
    """Memory or disk, in units of 1,000 bytes."""

    total_kB: Annotated[Kilobytes, Field(gt=0)]  # noqa: N815  the name on the wire
    available_kB: Kilobytes  # noqa: N815

    @property
    def total_bytes(self) -> float:
        """All of it."""
        return self.total_kB * 1000.0

    @property
    def available_bytes(self) -> float:
        """What is free, never more than there is."""
        return min(self.available_kB, self.total_kB) * 1000.0


class _CpuProperties(_Wire):
    architecture: Annotated[MaybeText, _or_unread("properties.cpu.architecture", null=True)] = None
    vendor: Annotated[MaybeText, _or_unread("properties.cpu.vendor", null=True)] = None


class _Properties(_Wire):
    cpu: Annotated[_CpuProperties | None, _or_unread("properties.cpu")] = None


class _Slot(_Wire):
    """Where a card is and what it is: by these it is counted."""

    pci_host: str | None = None
    """Only compared, and not kept: so it is not cleaned."""
    device_id: MaybeText = None


class _Gpu(_Slot):
    """`model` and `compatible` are missing before 1.4, `model` also on cards not rented out."""

    model: Annotated[MaybeText, _or_unread("gpu.devices.model", null=True)] = None
    device_name: Annotated[MaybeText, _or_unread("gpu.devices.device_name", null=True)] = None
    compatible: Annotated[bool | None, _or_unread("gpu.devices.compatible", null=True)] = None


class _Gpus(_Wire):
    """All cards or none: a list with one that cannot be read would give wrong totals."""

    devices: list[_Gpu] = Field(default_factory=list, max_length=MAX_GPUS)
    available_devices: list[_Slot] = Field(default_factory=list, max_length=MAX_GPUS)


class UsageWire(_Wire):
    """`/about/usage/system`. At least two of CPU count, memory and disk show what it is."""

    cpu: Annotated[_Cpu | None, _or_unread("cpu")] = Field(None, validate_default=True)
    mem: Annotated[_Space | None, _or_unread("mem")] = Field(None, validate_default=True)
    disk: Annotated[_Space | None, _or_unread("disk")] = Field(None, validate_default=True)
    properties: Annotated[_Properties | None, _or_unread("properties")] = None
    gpu: Annotated[_Gpus | None, _or_unread("gpu")] = None

    @model_validator(mode="after")
    def _is_usage(self) -> Self:
        count = self.cpu.count if self.cpu else None
        if sum(found is not None for found in (count, self.mem, self.disk)) < 2:
            raise ValueError("less than two of CPU count, memory and disk are there")
        return self

    def usage(self) -> Usage:
        """Return the usage, in bytes."""
        load = self.cpu.load_average if self.cpu else None
        mem, disk = self.mem, self.disk
        properties = self.properties.cpu if self.properties else None
        return Usage(
            cpu_count=self.cpu.count if self.cpu else None,
            load1=load.load1 if load else None,
            load5=load.load5 if load else None,
            load15=load.load15 if load else None,
            mem_total_bytes=mem.total_bytes if mem else None,
            mem_available_bytes=mem.available_bytes if mem else None,
            disk_total_bytes=disk.total_bytes if disk else None,
            disk_available_bytes=disk.available_bytes if disk else None,
            architecture=properties.architecture if properties else None,
            cpu_vendor=properties.vendor if properties else None,
            gpus=_gpus(self.gpu) if self.gpu else None,
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


def _or_none_if_empty(text: Any) -> Any:
    return text or None


VmHash = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$")] | None,
    BeforeValidator(_or_none_if_empty),
]


class _Block(_Wire):
    """A block of which nothing is read."""


class _References(_Wire):
    CHECK_FASTAPI_VM_ID: Annotated[
        VmHash, _or_unread("references.CHECK_FASTAPI_VM_ID", null=True)
    ] = None


class _Payment(_Wire):
    """Missing before 0.4.0."""

    PAYMENT_RECEIVER_ADDRESS: Annotated[
        MaybeText, _or_unread("payment.PAYMENT_RECEIVER_ADDRESS", null=True)
    ] = None


class _Computing(_Wire):
    """Missing before 1.0.0."""

    ENABLE_QEMU_SUPPORT: Annotated[
        bool | None, _or_unread("computing.ENABLE_QEMU_SUPPORT", null=True)
    ] = None
    ENABLE_CONFIDENTIAL_COMPUTING: Annotated[
        bool | None, _or_unread("computing.ENABLE_CONFIDENTIAL_COMPUTING", null=True)
    ] = None
    ENABLE_GPU_SUPPORT: Annotated[
        bool | None, _or_unread("computing.ENABLE_GPU_SUPPORT", null=True)
    ] = None


class ConfigWire(_Wire):
    """`/status/config`, there since 0.3.1. A version and at least two of its blocks show it."""

    version: Text
    references: Annotated[_References | None, _or_unread("references")] = Field(
        None, validate_default=True
    )
    networking: Annotated[_Block | None, _or_unread("networking")] = Field(
        None, validate_default=True
    )
    payment: Annotated[_Payment | None, _or_unread("payment")] = None
    computing: Annotated[_Computing | None, _or_unread("computing")] = None

    @model_validator(mode="before")
    @classmethod
    def _is_config(cls, content: Any) -> Any:
        if isinstance(content, dict):
            blocks = sum(isinstance(content.get(name), dict) for name in _CONFIG_BLOCKS)
            if blocks < 2:
                raise ValueError("less than two blocks of a configuration are there")
        return content

    def config(self) -> Config:
        """Return the configuration."""
        payment, computing = self.payment, self.computing
        return Config(
            version=usable_version(self.version),
            payment_receiver=payment.PAYMENT_RECEIVER_ADDRESS if payment else None,
            qemu=computing.ENABLE_QEMU_SUPPORT if computing else None,
            confidential=computing.ENABLE_CONFIDENTIAL_COMPUTING if computing else None,
            gpu=computing.ENABLE_GPU_SUPPORT if computing else None,
            diagnostic_vm=self.references.CHECK_FASTAPI_VM_ID if self.references else None,
        )


_CONFIG_BLOCKS: Final = ("references", "networking", "security", "debug", "payment", "computing")
"""In the order of the releases that brought them."""


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
