"""What one visit to a node found: frozen, complete, and not weighed with earlier rounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from collector.model.failure import Failure
from collector.model.node import Node
from collector.times import HOUR

MAX_WAIT_SECONDS: Final = HOUR
"""Longest wait that a node can ask for."""


class Endpoint(StrEnum):
    """A path that is probed on a node."""

    CONFIG = "/status/config"
    USAGE = "/about/usage/system"
    IPV6 = "/status/check/ipv6"
    DIAGNOSTIC_VM = "/vm/ip/6"
    """`/vm/<hash of the diagnostic VM>/ip/6`."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One request to one endpoint."""

    endpoint: Endpoint
    failure: Failure
    status_code: int | None = None
    """None when no answer came."""
    response_bytes: int | None = None
    """Bytes of the body after decompression; None without a complete answer."""
    duration_seconds: float = 0.0
    detail: str = ""
    """The error in words, for a person; empty without one."""
    unread: tuple[str, ...] = ()
    """Keys of the answer whose values are outside the contract, dotted, when the rest was read."""

    @property
    def answered(self) -> bool:
        """Whether a complete answer came, whatever its content."""
        return self.response_bytes is not None


@dataclass(frozen=True, slots=True)
class Phases:
    """Durations of the phases of the first probe that was answered; None if not reached."""

    dns_seconds: float | None = None
    tcp_seconds: float | None = None
    tls_seconds: float | None = None
    ttfb_seconds: float | None = None
    """From the request sent to the first byte of its answer."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU of a node."""

    device_id: str
    """PCI vendor and device, such as `10de:27b0`."""
    model: str | None
    """Absent when the node's firmware does not know it."""
    device_name: str
    compatible: bool | None
    """Whether the network rents it out; absent on old firmware."""
    available: bool
    """Not taken by a VM."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What `/about/usage/system` reports, in bytes (the answer has units of 1,000).

    None for what is missing in the answer or outside the contract.
    """

    cpu_count: int | None
    load1: float | None
    load5: float | None
    load15: float | None
    mem_total_bytes: float | None
    mem_available_bytes: float | None
    disk_total_bytes: float | None
    disk_available_bytes: float | None
    architecture: str | None
    cpu_vendor: str | None
    gpus: tuple[Gpu, ...] | None
    """Every GPU; None on firmware that does not report them, or if one of them is unreadable."""


@dataclass(frozen=True, slots=True)
class Config:
    """What `/status/config` reports; None for what is left out or outside the contract."""

    version: str | None
    payment_receiver: str | None
    qemu: bool | None
    confidential: bool | None
    gpu: bool | None
    diagnostic_vm: str | None


@dataclass(frozen=True, slots=True)
class Capability:
    """What a node can do; None for what was not reported in this round."""

    architecture: str | None = None
    cpu_vendor: str | None = None
    payment_receiver: str | None = None
    qemu: bool | None = None
    confidential: bool | None = None
    gpu: bool | None = None
    terms: bool | None = None
    """The node has terms and conditions."""


class Ipv6Method(StrEnum):
    """Where the result comes from."""

    STATUS = "status"
    DIAGNOSTIC_VM = "diagnostic_vm"


@dataclass(frozen=True, slots=True)
class Ipv6:
    """Whether IPv6 works on a node; None for what was not measured."""

    method: Ipv6Method
    vm: bool
    host: bool | None = None
    """None if the diagnostic VM was asked itself."""
    aaaa: bool | None = None
    """The node's name has an IPv6 address."""
    direct: bool | None = None
    """It accepts TCP over IPv6 from this vantage; None if the vantage has no IPv6."""

    @property
    def ok(self) -> bool:
        """Whether host and VM have IPv6, as the node reports."""
        return self.vm and self.host is not False


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of one visit to one node."""

    node: Node
    failure: Failure
    """`none` if and only if the node was reachable."""
    probes: tuple[Probe, ...] = ()
    """In the order in which they were made; empty if the node was not dialled."""
    phases: Phases = field(default_factory=Phases)
    duration_seconds: float | None = None
    """From the start of the visit to the last answer; None if the node was not dialled."""
    cert_expiry_seconds: float | None = None
    """Time until the certificate expires; never negative (that fails the handshake)."""
    version: str | None = None
    version_source: str | None = None
    """`config` or `server_header`."""
    config: Config | None = None
    usage: Usage | None = None
    ipv6: Ipv6 | None = None
    ipv6_only: bool = False
    """The node has IPv6 addresses only."""
    retry_after_seconds: int | None = None
    """How long the node asks not to be visited, within the limit; None without such a wish."""

    @property
    def reachable(self) -> bool:
        """Whether at least one complete answer showed a CRN."""
        return self.failure is Failure.NONE

    @property
    def tried(self) -> bool:
        """Whether the node was dialled in this round."""
        return bool(self.probes)

    @property
    def status_code(self) -> int | None:
        """Status of the first probe that was answered; None if none was."""
        return next((a.status_code for a in self.probes if a.answered), None)

    @property
    def capability(self) -> Capability:
        """What the node reported of its abilities in this round."""
        config, usage = self.config, self.usage
        return Capability(
            architecture=usage.architecture if usage else None,
            cpu_vendor=usage.cpu_vendor if usage else None,
            payment_receiver=config.payment_receiver if config else None,
            qemu=config.qemu if config else None,
            confidential=config.confidential if config else None,
            gpu=config.gpu if config else None,
            terms=self.node.terms if config or usage else None,
        )

    def masked(self, failure: Failure, applies: Callable[[Failure], bool]) -> Observation:
        """Return the observation with each failure to which `applies` says yes replaced.

        Answers that came still count.
        """
        if not any(applies(f) for f in (self.failure, *(a.failure for a in self.probes))):
            return self
        probes = tuple(
            replace(a, failure=failure) if applies(a.failure) else a for a in self.probes
        )
        own = failure if applies(self.failure) else self.failure
        return replace(self, failure=own, probes=probes)
