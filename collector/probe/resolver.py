"""Names to addresses, without a thread pool in the way, and with the reason when there is none."""

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
"""c-ares waits a quarter of a second for a server that used to be quick, then twice as long, and so
on: four tries bear lost packets, and still fit the time for a connection."""


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
    """Asks the configured name servers, or the system's, for both families at once."""

    def __init__(self, nameservers: Sequence[str] = (), timeout_seconds: float = 2.0) -> None:
        self._nameservers = nameservers
        self._timeout = timeout_seconds
        self._dns = self._open()
        self.ipv6 = True
        """Whether this vantage has a way out over IPv6; without it only IPv4 is handed out."""

    def _open(self) -> aiodns.DNSResolver:
        return aiodns.DNSResolver(
            nameservers=list(self._nameservers) or None,
            timeout=self._timeout,
            tries=_TRIES,
            flags=pycares.ARES_FLAG_NOSEARCH | pycares.ARES_FLAG_EDNS,
        )

    def forget(self) -> None:
        """Hear from the name servers again, and not from memory.

        c-ares keeps every answer as long as it allows, and an empty one for an hour, with nothing
        to turn that off. The old channel goes when the last one who asked it has heard.
        """
        self._dns = self._open()

    async def addresses(self, host: str) -> list[str]:
        """Every address of a name, IPv4 first. Raises NameNotFoundError or NameFailedError."""
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
        """One question. For both families together, c-ares passes over one that gave no answer:

        a lost packet then looks like a name without an address, or with IPv6 only. Hence the
        second question, for IPv4 alone, before either is believed.
        """
        dns = self._dns  # held until it has answered
        try:
            answer = await dns.getaddrinfo(host, family=family, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as exc:
            code, *words = exc.args
            kind = _KINDS.get(code, NameFailedError)
            raise kind(errno.EADDRNOTAVAIL, f"{host}: {words[0] if words else code}") from exc
        nodes = sorted(answer.nodes, key=lambda node: node.family != socket.AF_INET)
        return list(dict.fromkeys(node.addr[0].decode("ascii") for node in nodes))

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """What aiohttp dials: IPv4 first, IPv6 behind where there is any here."""
        trace = TRACE.get(None)
        if trace:
            trace.resolving()
        found = await self.addresses(host)
        if trace:
            trace.resolved(found)
        dialled = found if self.ipv6 else [a for a in found if ":" not in a]
        if found and not dialled:
            raise FamilyMissingError(errno.ENETUNREACH, f"{host} has IPv6 only, we have none")
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
        """Cancel what is still asked."""
        await self._dns.close()
