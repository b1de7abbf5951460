"""Names to addresses by c-ares, without a thread pool, and the reason if there is none."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Sequence
from typing import Final

import aiodns
import pycares
from aiohttp.abc import AbstractResolver, ResolveResult

from collector.probe.trace import TRACE

_TRIES: Final = 4
"""c-ares waits a quarter of a second for a server that has been quick, and doubles that each time:
four tries survive lost packets and fit into the connect timeout."""


class NameNotFoundError(OSError):
    """The name does not exist, or has no address."""


class _NoAddressError(NameNotFoundError):
    """The name exists, and has no address of the families asked for."""


class NameFailedError(OSError):
    """No answer about the name, or one that says nothing (SERVFAIL, REFUSED)."""


class FamilyMissingError(OSError):
    """The name has IPv6 addresses only, and there is no IPv6 here."""


_KINDS: Final[dict[int, type[OSError]]] = {
    aiodns.error.ARES_ENOTFOUND: NameNotFoundError,
    aiodns.error.ARES_EBADNAME: NameNotFoundError,
    aiodns.error.ARES_ENODATA: _NoAddressError,
}


class Resolver(AbstractResolver):
    """Asks the configured name servers, or the system's, for IPv4 and IPv6 addresses together."""

    def __init__(self, nameservers: Sequence[str] = (), timeout_seconds: float = 2.0) -> None:
        self._nameservers = nameservers
        self._timeout = timeout_seconds
        self._dns = self._open()
        self.ipv6 = True
        """Whether this vantage has a route over IPv6; without one only IPv4 is returned."""

    def _open(self) -> aiodns.DNSResolver:
        return aiodns.DNSResolver(
            nameservers=list(self._nameservers) or None,
            timeout=self._timeout,
            tries=_TRIES,
            flags=pycares.ARES_FLAG_NOSEARCH | pycares.ARES_FLAG_EDNS,
        )

    def forget(self) -> None:
        """Drop the cache: ask the name servers again.

        c-ares caches every answer as long as its TTL, and an empty one for an hour; that cannot be
        turned off, so a new channel is opened. The old one ends with its last query.
        """
        self._dns = self._open()

    async def addresses(self, host: str) -> list[str]:
        """Return every address of a name, IPv4 first.

        Raise NameNotFoundError or NameFailedError.
        """
        try:
            found = await self._ask(host, socket.AF_UNSPEC)
        except _NoAddressError:
            return await self._ask(host, socket.AF_INET)
        if any(":" not in address for address in found):
            return found
        with contextlib.suppress(NameNotFoundError, NameFailedError):
            return await self._ask(host, socket.AF_INET) + found
        return found

    async def _ask(self, host: str, family: socket.AddressFamily) -> list[str]:
        """Ask once.

        Asked for both families, c-ares ignores a family that got no answer: a lost packet then
        looks like a name without an address, or with IPv6 only. The callers therefore ask for IPv4
        alone before they believe either.
        """
        dns = self._dns  # held until it has answered
        try:
            answer = await dns.getaddrinfo(host, family=family, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as exc:
            code, *texts = exc.args
            kind = _KINDS.get(code, NameFailedError)
            raise kind(errno.EADDRNOTAVAIL, f"{host}: {texts[0] if texts else code}") from exc
        nodes = sorted(answer.nodes, key=lambda node: node.family != socket.AF_INET)
        return list(dict.fromkeys(node.addr[0].decode("ascii") for node in nodes))

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return what aiohttp dials: IPv4 first, then IPv6 if this vantage has it."""
        trace = TRACE.get(None)
        if trace:
            trace.resolving()
        found = await self.addresses(host)
        if trace:
            trace.resolved(found)
        dialled = found if self.ipv6 else [a for a in found if ":" not in a]
        if found and not dialled:
            raise FamilyMissingError(
                errno.ENETUNREACH, f"{host} has IPv6 addresses only, and this vantage has no IPv6"
            )
        if not dialled:
            raise NameNotFoundError(errno.EADDRNOTAVAIL, f"{host}: no address")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in dialled
        ]

    async def close(self) -> None:
        """Cancel open queries."""
        await self._dns.close()
