"""Which addresses are dialled. Directory entries are free text that strangers register.

The socket factory asks the policy at connect time, for the address that is really dialled: a name
that resolves to a private address is refused like the address itself.
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
"""Special-purpose ranges (RFC 6890 and later) that some Python versions call global."""

FORBIDDEN_ERRNO: Final = 0x4E4F
"""No error number of any system. aiohttp keeps it when it merges errors of several addresses."""


class ForbiddenAddressError(OSError):
    """The policy forbids to dial this address."""

    def __init__(self, address: str) -> None:
        super().__init__(FORBIDDEN_ERRNO, f"{address} is not dialled")


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Forbids private, loopback, link-local, CGNAT, multicast and reserved addresses.

    An IPv6 address that stands for an IPv4 address is judged as that address.
    """

    allowed_networks: tuple[Network, ...] = ()
    """Exceptions by CIDR."""
    forbidden_hosts: frozenset[str] = frozenset()
    """Lower-case host names; their subdomains are forbidden too."""

    @classmethod
    def of(
        cls, allowed_networks: Iterable[str] = (), forbidden_hosts: Iterable[str] = ()
    ) -> AddressPolicy:
        """Return a policy from text. Raise ValueError for what is not a CIDR."""
        return cls(
            tuple(ip_network(network) for network in allowed_networks),
            frozenset(host.lower().rstrip(".") for host in forbidden_hosts),
        )

    def forbids_host(self, host: str) -> bool:
        """Return whether the name, or a domain above it, is forbidden."""
        labels = host.lower().rstrip(".").split(".")
        return any(".".join(labels[i:]) in self.forbidden_hosts for i in range(len(labels)))

    def forbids(self, address: str) -> bool:
        """Return whether an IP address must not be dialled. Scope ids (`%eth0`) are forbidden."""
        return _forbids(address, self.allowed_networks)


@lru_cache(maxsize=16_384)
def _forbids(address: str, allowed_networks: tuple[Network, ...]) -> bool:
    """Cached: the same addresses come in every round."""
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
    """Return the IPv4 address that an IPv6 address stands for (mapped, NAT64, 6to4), or itself."""
    if isinstance(ip, IPv4Address) or ip.scope_id:
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip
