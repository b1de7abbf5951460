"""What a simulated node is at one time: its software, hardware, network, and its fault."""

from dataclasses import dataclass, field
from enum import StrEnum

from crn_simulator.script.fault import Fault, FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.firmware import NEWEST, Firmware
from crn_simulator.script.machine import Machine


class ServerHeader(StrEnum):
    """What a reverse proxy does to the node's header `Server: aleph-vm/<version>`."""

    ALEPH = "aleph"
    """It arrives unchanged."""
    BESIDE_PROXY = "beside_proxy"
    """The proxy adds its own header before it."""
    REPLACED = "replaced"
    """The proxy replaces it by its own."""


class AaaaRecord(StrEnum):
    """The AAAA record of the node's name, and what listens there."""

    NONE = "none"
    """There is no record."""
    TRUE = "true"
    """`::1`, and the node listens there."""
    REFUSED = "refused"
    """`::1`, and connections there are refused."""
    BLACK_HOLE = "black_hole"
    """`::1`, and connections there are never answered."""


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """Everything that a host needs to play a node.

    version: of the firmware, as the node shows it.
    server: what a proxy does to its `Server` header.
    host_ipv6, vm_ipv6: whether IPv6 works on the host, and in its VMs.
    cold: its diagnostic VM stops when unused for an hour; the next check then says false.
    draining: it takes no new VMs, so `/vm/...` answers 503 (1.11.0 and later).
    usage_broken: `/about/usage/system` always answers 500.
    fault: what is wrong with it.
    paths: those that `fault` affects; empty for all. Only faults that show in a response can be
        limited to paths.
    keeps_header: a wrong response comes from the node's own software, with its `Server` header,
        and not from a proxy in front of it.

    Raise `ValueError` if `paths` is given with a fault that affects a whole node.
    """

    version: str = NEWEST
    machine: Machine = field(default_factory=Machine)
    server: ServerHeader = ServerHeader.ALEPH
    host_ipv6: bool = True
    vm_ipv6: bool = True
    aaaa: AaaaRecord = AaaaRecord.NONE
    cold: bool = False
    draining: bool = False
    usage_broken: bool = False
    fault: Fault = Fault.NONE
    paths: frozenset[str] = frozenset()
    keeps_header: bool = False

    def __post_init__(self) -> None:
        if self.paths and FAULT_EFFECTS[self.fault].phase is not FaultPhase.ANSWER:
            raise ValueError(f"{self.fault} affects a whole node, not some of its paths")

    @property
    def firmware(self) -> Firmware:
        """The features of its version."""
        return Firmware(self.version)

    def fault_on(self, path: str) -> Fault:
        """Return the fault that a request for this path meets."""
        return self.fault if not self.paths or path in self.paths else Fault.NONE
