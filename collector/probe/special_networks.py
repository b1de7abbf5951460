"""Networks in which no node of a stranger can be: one table, the same on every Python version.

From IANA's registries of special-purpose addresses (IPv4 and IPv6), and what clouds answer on from
inside a machine. Whatever one of them registers is refused, if globally reachable or not.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_NETWORKS: Final = (
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private network"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("168.63.129.16/32", "Azure's host service"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private network"),
    ("192.0.0.0/24", "protocol assignment"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "AS112"),
    ("192.52.193.0/24", "multicast tunnelling"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private network"),
    ("192.175.48.0/24", "AS112"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("2001::/32", "Teredo"),
    ("2001::/23", "protocol assignment"),
    ("2001:db8::/32", "documentation"),
    ("2620:4f:8000::/48", "AS112"),
    ("3fff::/20", "documentation"),
    ("::1/128", "loopback"),
    ("fc00::/7", "private network"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private network"),
    ("ff00::/8", "multicast"),
)
_SPECIAL: Final = tuple((ip_network(cidr), what) for cidr, what in _NETWORKS)
"""The first that holds an address names it."""
_GLOBAL_IPV6: Final = ip_network("2000::/3")
"""All that is allocated to hosts."""
_IPV4_IN_IPV6: Final = (
    (ip_network("::ffff:0:0/96"), 0),
    (ip_network("64:ff9b::/96"), 0),
    (ip_network("2002::/16"), 80),
)
"""IPv6 networks whose addresses stand for an IPv4 address (mapped, NAT64, 6to4), and how many bits
are to the right of it."""
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})
"""What is before the IPv4 address at the end of an ISATAP address: a router may send it there."""


def embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    for network, right in _IPV4_IN_IPV6:
        if address in network:
            return IPv4Address(int(address) >> right & 0xFFFFFFFF)
    return address


def special_use(address: Address) -> str:
    """Return what an address is for, such as `loopback`; '' if it is that of a public host."""
    for network, use in _SPECIAL:
        if address in network:
            return use
    if isinstance(address, IPv4Address):
        return ""
    if address not in _GLOBAL_IPV6:
        return "reserved"
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        return special_use(IPv4Address(int(address) & 0xFFFFFFFF))
    return ""
