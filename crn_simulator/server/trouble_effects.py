"""How troubles and faults show in DNS, at listeners, and in what the API lists."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crn_simulator.script.fault import Fault
from crn_simulator.script.node_spec import AaaaRecord, NodeSpec
from crn_simulator.script.trouble import Trouble
from crn_simulator.server.dns_server import DnsEntry, DnsMode
from crn_simulator.server.listener import ListenerMode


@dataclass(frozen=True, slots=True)
class ClientConnectivity:
    """What is broken in the client's own network; None for what works."""

    dns: DnsMode | None = None
    ipv4: ListenerMode | None = None
    ipv6: ListenerMode | None = None


MANY_ADDRESSES = DnsEntry(tuple(f"127.127.255.{number}" for number in range(1, 101)))
"""A hundred addresses, at which nothing listens."""
_BLACK_HOLE, _REFUSED = ListenerMode.BLACK_HOLE, ListenerMode.REFUSED
_CONNECTIVITY: Mapping[Trouble, ClientConnectivity] = MappingProxyType(
    {
        Trouble.EVERYTHING: ClientConnectivity(DnsMode.SILENT, _BLACK_HOLE, _BLACK_HOLE),
        Trouble.CONNECTIONS_SILENT: ClientConnectivity(None, _BLACK_HOLE, _BLACK_HOLE),
        Trouble.CONNECTIONS_REFUSED: ClientConnectivity(None, _REFUSED, _REFUSED),
        Trouble.NAMES_SILENT: ClientConnectivity(dns=DnsMode.SILENT),
        Trouble.NAMES_SERVFAIL: ClientConnectivity(dns=DnsMode.SERVFAIL),
        Trouble.IPV6: ClientConnectivity(ipv6=_BLACK_HOLE),
    }
)
_DNS_ENTRIES: Mapping[Fault, DnsEntry] = MappingProxyType(
    {
        Fault.DNS_NO_ADDRESS: DnsEntry(),
        Fault.DNS_NOT_FOUND: DnsEntry(mode=DnsMode.NOT_FOUND),
        Fault.DNS_SERVFAIL: DnsEntry(mode=DnsMode.SERVFAIL),
        Fault.DNS_REFUSED: DnsEntry(mode=DnsMode.REFUSED),
        Fault.DNS_SILENT: DnsEntry(mode=DnsMode.SILENT),
        Fault.DNS_PRIVATE_ADDRESS: DnsEntry(("10.11.12.13",)),
        Fault.DNS_MANY_ADDRESSES: MANY_ADDRESSES,
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
_LISTED = MappingProxyType(
    {Trouble.API_EMPTY: slice(0), Trouble.API_SHRUNKEN: slice(None, None, 3)}
)


def connectivity_under(troubles: frozenset[Trouble]) -> ClientConnectivity:
    """Return what is broken in the client's network; of several troubles the worst counts."""
    broken = (found for trouble, found in _CONNECTIVITY.items() if trouble in troubles)
    return next(broken, ClientConnectivity())


def api_fault(troubles: frozenset[Trouble]) -> Fault:
    """Return the fault of the API's host."""
    return next((f for trouble, f in _API_FAULTS.items() if trouble in troubles), Fault.NONE)


def control_fault(troubles: frozenset[Trouble]) -> Fault:
    """Return the fault of the controls."""
    return Fault.REFUSED if Trouble.CONTROLS_DOWN in troubles else Fault.NONE


def listed_part(troubles: frozenset[Trouble]) -> slice:
    """Return which part of the nodes the API lists."""
    return next((part for trouble, part in _LISTED.items() if trouble in troubles), slice(None))


def dns_entry_of(spec: NodeSpec, address: str) -> DnsEntry:
    """Return the DNS entry of a node that has this IPv4 address."""
    addresses = (address,) if spec.aaaa is AaaaRecord.NONE else (address, "::1")
    return _DNS_ENTRIES.get(spec.fault, DnsEntry(addresses))
