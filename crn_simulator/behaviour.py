"""How one simulated node behaves at one moment: what it is, and what is wrong with it."""

from dataclasses import dataclass, field
from enum import StrEnum

from crn_simulator.fault import OUTCOMES, Fault
from crn_simulator.firmware import NEWEST, Firmware
from crn_simulator.machine import Machine


class ServerHeader(StrEnum):
    """What becomes of the node's `Server: aleph-vm/<version>` on its way."""

    ALEPH = "aleph"
    """It arrives alone."""
    BESIDE_PROXY = "beside_proxy"
    """A proxy sends its own before it."""
    REPLACED = "replaced"
    """A proxy sends its own instead."""


class Aaaa(StrEnum):
    """What the node's name answers when asked for an IPv6 address."""

    NONE = "none"
    TRUE = "true"
    """`::1`, where the node listens."""
    REFUSED = "refused"
    """`::1`, where nobody listens: a record that lies."""
    BLACK_HOLE = "black_hole"
    """`::1`, where nobody answers: another lie."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Everything that a host needs to play a node.

    version: of the firmware, as the node shows it.
    server: what a proxy does to its header.
    host_ipv6, vm_ipv6: whether IPv6 really works on the host, and in its VMs.
    cold: its diagnostic VM sleeps when unused for an hour, and the first check then says false.
    draining: it takes no new VMs, so `/vm/...` answers 503 (1.11.0 and later).
    usage_broken: `/about/usage/system` answers 500 for ever.
    fault: what is wrong with it.
    paths: those that `fault` concerns; empty for all. Only faults that show in an answer can be
        so limited.
    keeps_header: a wrong answer still comes from the node's software, header and all, and not
        from something in front of it.
    """

    version: str = NEWEST
    machine: Machine = field(default_factory=Machine)
    server: ServerHeader = ServerHeader.ALEPH
    host_ipv6: bool = True
    vm_ipv6: bool = True
    aaaa: Aaaa = Aaaa.NONE
    cold: bool = False
    draining: bool = False
    usage_broken: bool = False
    fault: Fault = Fault.NONE
    paths: frozenset[str] = frozenset()
    keeps_header: bool = False

    def __post_init__(self) -> None:
        if self.paths and OUTCOMES[self.fault].phase != "answer":
            raise ValueError(f"{self.fault} concerns a whole node, not some of its paths")

    @property
    def firmware(self) -> Firmware:
        """What the version knows and does not know."""
        return Firmware(self.version)

    def fault_on(self, path: str) -> Fault:
        """The fault that a request for this path meets."""
        return self.fault if not self.paths or path in self.paths else Fault.NONE
