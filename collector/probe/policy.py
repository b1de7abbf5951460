"""Which addresses are dialled. Directory entries are free text that strangers register.

What counts is the address that is really dialled, so the policy is asked by the socket factory,
at connect time: a name that resolves to a private address is refused like the address itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_NAT64: Final = ip_network("64:ff9b::/96")
_SPECIAL: Final = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20"))
)
"""Of special purpose (RFC 6890 and after), though some Pythons call them global."""


FORBIDDEN_ERRNO: Final = 0x4E4F
"""No system's error number: it survives when the errors of several addresses become one."""


class ForbiddenAddressError(OSError):
    """An address that the policy does not let us dial."""

    def __init__(self, address: str) -> None:
        super().__init__(FORBIDDEN_ERRNO, f"{address} is not dialled")


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """No private, loopback, link-local, CGNAT, multicast or reserved address, in any disguise."""

    allowed_networks: tuple[Network, ...] = ()
    """Exceptions by CIDR."""
    forbidden_hosts: frozenset[str] = frozenset()
    """Lower-case host names; their subdomains are meant too."""

    @classmethod
    def of(
        cls, allowed_networks: Iterable[str] = (), forbidden_hosts: Iterable[str] = ()
    ) -> AddressPolicy:
        """A policy from text. Raises ValueError for what is not a CIDR."""
        return cls(
            tuple(ip_network(network) for network in allowed_networks),
            frozenset(host.lower().rstrip(".") for host in forbidden_hosts),
        )

    def forbids_host(self, host: str) -> bool:
        """Whether the name, or one that it is a subdomain of, is on the list."""
        labels = host.lower().rstrip(".").split(".")
        return any(".".join(labels[i:]) in self.forbidden_hosts for i in range(len(labels)))

    def forbids(self, address: str) -> bool:
        """Whether an IP address must not be dialled. Scope ids (`%eth0`) are forbidden."""
        return _forbids(address, self.allowed_networks)


@lru_cache(maxsize=16_384)
def _forbids(address: str, allowed_networks: tuple[Network, ...]) -> bool:
    """The same addresses come in every round."""
    try:
        ip = ip_address(address)
    except ValueError:
        return True
    inner = _embedded(ip)
    if any(a in network for a in (ip, inner) for network in allowed_networks):
        return False
    return not _public(inner)


def _public(ip: Address) -> bool:
    if ip.is_multicast or ip.is_reserved or ip.is_unspecified:
        return False
    if isinstance(ip, IPv6Address) and (ip.is_site_local or ip.scope_id):
        return False
    return ip.is_global and not any(ip in network for network in _SPECIAL)


def _embedded(ip: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for (mapped, NAT64, 6to4), or the address."""
    if isinstance(ip, IPv4Address) or ip.scope_id:
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip
