"""How troubles show: what the resolver says, and what somebody who connects meets."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crn_simulator.behaviour import Aaaa, Behaviour
from crn_simulator.door import Way
from crn_simulator.fault import Fault
from crn_simulator.names import Manner, Name
from crn_simulator.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Cut:
    """The client's own way out: None where it is well."""

    names: Manner | None = None
    ipv4: Way | None = None
    ipv6: Way | None = None


_CUTS: Mapping[Trouble, Cut] = MappingProxyType(
    {
        Trouble.EVERYTHING: Cut(Manner.SILENT, Way.BLACK_HOLE, Way.BLACK_HOLE),
        Trouble.CONNECTIONS_SILENT: Cut(None, Way.BLACK_HOLE, Way.BLACK_HOLE),
        Trouble.CONNECTIONS_REFUSED: Cut(None, Way.REFUSED, Way.REFUSED),
        Trouble.NAMES_SILENT: Cut(names=Manner.SILENT),
        Trouble.NAMES_SERVFAIL: Cut(names=Manner.SERVFAIL),
        Trouble.IPV6: Cut(ipv6=Way.BLACK_HOLE),
    }
)
_NAMES: Mapping[Fault, Name] = MappingProxyType(
    {
        Fault.DNS_NO_ADDRESS: Name(),
        Fault.DNS_NOT_FOUND: Name(manner=Manner.NOT_FOUND),
        Fault.DNS_SERVFAIL: Name(manner=Manner.SERVFAIL),
        Fault.DNS_REFUSED: Name(manner=Manner.REFUSED),
        Fault.DNS_SILENT: Name(manner=Manner.SILENT),
        Fault.DNS_PRIVATE_ADDRESS: Name(("10.11.12.13",)),
    }
)
_API_FAULTS: Mapping[Trouble, Fault] = MappingProxyType(
    {
        Trouble.API_DOWN: Fault.REFUSED,
        Trouble.API_ERROR: Fault.SERVER_ERROR,
        Trouble.API_GARBAGE: Fault.INVALID_JSON,
        Trouble.API_SLOW: Fault.SLOW_ANSWER,
        Trouble.API_SILENT: Fault.HANG_BEFORE_HEADERS,
    }
)
_SHOWN = MappingProxyType({Trouble.API_EMPTY: slice(0), Trouble.API_SHRUNKEN: slice(None, None, 3)})


def cut_of(troubles: frozenset[Trouble]) -> Cut:
    """The way out under these troubles; of several the worst counts."""
    return next((cut for trouble, cut in _CUTS.items() if trouble in troubles), Cut())


def api_fault(troubles: frozenset[Trouble]) -> Fault:
    """What the API's host does, apart from what it lists."""
    return next((f for trouble, f in _API_FAULTS.items() if trouble in troubles), Fault.NONE)


def control_fault(troubles: frozenset[Trouble]) -> Fault:
    """What the controls do."""
    return Fault.REFUSED if Trouble.CONTROLS_DOWN in troubles else Fault.NONE


def shown(troubles: frozenset[Trouble]) -> slice:
    """Which of the listed nodes the API shows."""
    return next((part for trouble, part in _SHOWN.items() if trouble in troubles), slice(None))


def name_of(behaviour: Behaviour, address: str) -> Name:
    """What the resolver says of a node that has this IPv4 address."""
    addresses = (address,) if behaviour.aaaa is Aaaa.NONE else (address, "::1")
    return _NAMES.get(behaviour.fault, Name(addresses))
