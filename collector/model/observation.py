"""What one look at a node gave: frozen, complete, without judgement over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from collector.model.failure import Failure
from collector.model.node import Node


class Endpoint(StrEnum):
    """A path that is checked on a node."""

    CONFIG = "/status/config"
    USAGE = "/about/usage/system"
    IPV6 = "/status/check/ipv6"
    DIAGNOSTIC_VM = "/vm/ip/6"
    """`/vm/<hash of the diagnostic VM>/ip/6`."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe: one endpoint asked once."""

    endpoint: Endpoint
    failure: Failure
    status_code: int | None = None
    """None when no answer came."""
    response_bytes: int | None = None
    """Bytes of the body after decompression; None when no complete answer came."""
    duration_seconds: float = 0.0
    detail: str = ""
    """What exactly went wrong, for a person; empty when nothing did."""

    @property
    def answered(self) -> bool:
        """Whether a complete answer came, whatever it said."""
        return self.response_bytes is not None


@dataclass(frozen=True, slots=True)
class Phases:
    """How long each phase of the first answered check took, in seconds; None if not reached."""

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
    """What `/about/usage/system` says. Bytes are bytes (the wire has units of 1,000)."""

    cpu_count: int
    load1: float
    load5: float
    load15: float
    mem_total_bytes: float
    mem_available_bytes: float
    disk_total_bytes: float
    disk_available_bytes: float
    architecture: str | None
    cpu_vendor: str | None
    gpus: tuple[Gpu, ...] | None
    """None on firmware that does not report GPUs."""


@dataclass(frozen=True, slots=True)
class Config:
    """What `/status/config` says; None where the firmware does not say it."""

    version: str | None
    payment_receiver: str | None
    qemu: bool | None
    confidential: bool | None
    gpu: bool | None
    diagnostic_vm: str | None


@dataclass(frozen=True, slots=True)
class Capability:
    """What a node is able to do; None where it was not said in this round."""

    architecture: str | None = None
    cpu_vendor: str | None = None
    payment_receiver: str | None = None
    qemu: bool | None = None
    confidential: bool | None = None
    gpu: bool | None = None
    terms: bool | None = None
    """The node has terms and conditions."""


class Ipv6Method(StrEnum):
    """Who said whether IPv6 works."""

    STATUS = "status"
    DIAGNOSTIC_VM = "diagnostic_vm"


@dataclass(frozen=True, slots=True)
class Ipv6:
    """Whether IPv6 works on a node. None is: not measured."""

    method: Ipv6Method
    vm: bool
    host: bool | None = None
    """Absent when the diagnostic VM was asked itself."""
    aaaa: bool | None = None
    """The node's name has an IPv6 address."""
    direct: bool | None = None
    """A TCP connection over IPv6 from here; absent where this vantage has no IPv6."""

    @property
    def ok(self) -> bool:
        """The node's own word: host and VM."""
        return self.vm and self.host is not False


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything one round saw of one node."""

    node: Node
    failure: Failure
    """`none` exactly when the node was reachable."""
    attempts: tuple[Probe, ...] = ()
    """In the order in which they were made; empty when the node was not dialled."""
    phases: Phases = field(default_factory=Phases)
    duration_seconds: float | None = None
    """From taking up the node to its last answer; None when it was not dialled."""
    cert_expiry_seconds: float | None = None
    """What remained of the certificate; negative never (that fails the handshake)."""
    version: str | None = None
    version_source: str | None = None
    """`config` or `server_header`."""
    config: Config | None = None
    usage: Usage | None = None
    ipv6: Ipv6 | None = None
    ipv6_only: bool = False
    """The node's name has IPv6 addresses only, or its address is one."""

    @property
    def reachable(self) -> bool:
        """At least one complete answer that shows a CRN."""
        return self.failure is Failure.NONE

    @property
    def tried(self) -> bool:
        """Whether the node was dialled in this round."""
        return bool(self.attempts)

    @property
    def status_code(self) -> int | None:
        """Status of the first check that was answered."""
        return next((a.status_code for a in self.attempts if a.answered), None)

    @property
    def capability(self) -> Capability:
        """What the node said of its abilities in this round; nothing where it did not answer."""
        said, used = self.config, self.usage
        return Capability(
            architecture=used.architecture if used else None,
            cpu_vendor=used.cpu_vendor if used else None,
            payment_receiver=said.payment_receiver if said else None,
            qemu=said.qemu if said else None,
            confidential=said.confidential if said else None,
            gpu=said.gpu if said else None,
            terms=self.node.terms if said or used else None,
        )

    def marked(self, mark_blind: Failure, covers: Callable[[Failure], bool]) -> Observation:
        """The same look with every failure that our own trouble explains replaced by `excuse`.

        Answers that did come still count.
        """
        if not any(covers(f) for f in (self.failure, *(a.failure for a in self.attempts))):
            return self
        attempts = tuple(
            replace(a, failure=mark_blind) if covers(a.failure) else a for a in self.attempts
        )
        failure = mark_blind if covers(self.failure) else self.failure
        return replace(self, failure=failure, attempts=attempts)
