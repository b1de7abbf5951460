"""Which addresses are dialled. Directory entries are free text that strangers register.

The socket factory asks the policy at connect time, for the address that is really dialled: a name
that resolves to a private address is refused like the address itself. Requests to hosts that the
operator configured are exempt, each by itself: no network is opened for them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from collector.probe.special_networks import Address, Network, embedded, special_use

_EXEMPT: ContextVar[bool] = ContextVar("exempt", default=False)
"""Whether the current request goes to a host that the operator configured."""

FORBIDDEN_ERRNO: Final = 0x4E4F
"""No error number of any system. aiohttp keeps it when it merges errors of several addresses."""


class ForbiddenAddressError(OSError):
    """The policy forbids to dial this address."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(FORBIDDEN_ERRNO, f"{address} is not dialled: {reason}")


@contextlib.contextmanager
def exempt_from_policy() -> Iterator[None]:
    """Let every address be dialled by what the current task does meanwhile."""
    token = _EXEMPT.set(True)
    try:
        yield
    finally:
        _EXEMPT.reset(token)


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Forbids all that is no address of a public host, and the addresses of this machine.

    An IPv6 address that stands for an IPv4 address is judged as that address.
    """

    allowed_networks: tuple[Network, ...] = ()
    """Exceptions by CIDR."""
    forbidden_hosts: frozenset[str] = frozenset()
    """Lower-case host names, with their subdomains, and IP addresses."""
    own_addresses: Container[Address] = frozenset()
    """The addresses of this machine."""

    @classmethod
    def of(
        cls,
        allowed_networks: Iterable[str] = (),
        forbidden_hosts: Iterable[str] = (),
        own_addresses: Container[Address] = frozenset(),
    ) -> AddressPolicy:
        """Return a policy from text. Raise ValueError for what is not a CIDR."""
        return cls(
            tuple(ip_network(network) for network in allowed_networks),
            frozenset(host.lower().rstrip(".") for host in forbidden_hosts),
            own_addresses,
        )

    def forbids_host(self, host: str) -> bool:
        """Return whether the name, or a domain above it, is forbidden."""
        labels = host.lower().rstrip(".").split(".")
        return any(".".join(labels[i:]) in self.forbidden_hosts for i in range(len(labels)))

    def forbids(self, address: str) -> bool:
        """Return whether an IP address must not be dialled by the current request."""
        return bool(self.objection(address))

    def objection(self, address: str) -> str:
        """Return why an IP address must not be dialled by the current request; '' if it may."""
        if _EXEMPT.get():
            return ""
        ip, stands_for, use = _judged(address)
        if ip is None or stands_for is None:
            return use
        if any(a in network for a in (ip, stands_for) for network in self.allowed_networks):
            return ""
        if not use and (ip in self.own_addresses or stands_for in self.own_addresses):
            return "an address of this machine"
        if not use and str(stands_for) in self.forbidden_hosts:
            return "a forbidden host"
        return use

    def check(self, address: str) -> None:
        """Raise ForbiddenAddressError if an IP address must not be dialled."""
        if reason := self.objection(address):
            raise ForbiddenAddressError(address, reason)


@lru_cache(maxsize=16_384)
def _judged(address: str) -> tuple[Address | None, Address | None, str]:
    """Return an address, the one that it stands for, and the special use of that.

    Cached: the same addresses come in every round. Scope ids (`%eth0`) belong to no public host.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return None, None, "not an IP address"
    if isinstance(ip, IPv6Address) and ip.scope_id:
        return None, None, "an address with a scope"
    stands_for = embedded(ip)
    return ip, stands_for, special_use(stands_for)
