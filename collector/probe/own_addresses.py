"""The addresses of this machine, from its network interfaces. Nothing is sent.

An address that a router translates (most clouds' public IPv4 address) is on no interface and not
known here.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_address
from time import monotonic
from typing import Final

import psutil

from collector.probe.special_networks import Address

_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)
_FRESH_SECONDS: Final = 30.0


class OwnAddresses:
    """The addresses of this machine, read again when they are older than half a minute."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._read_at: float | None = None
        self._addresses: frozenset[Address] = frozenset()

    def __contains__(self, address: object) -> bool:
        now = self._clock()
        if self._read_at is None or now - self._read_at > _FRESH_SECONDS:
            self._read_at, self._addresses = now, _read()
        return address in self._addresses


def _read() -> frozenset[Address]:
    """Return the addresses of all interfaces; none where the system does not tell them."""
    try:
        interfaces = psutil.net_if_addrs()
    except (OSError, psutil.Error):
        return frozenset()
    return frozenset(
        ip_address(entry.address)
        for entries in interfaces.values()
        for entry in entries
        if entry.family in _FAMILIES
    )
