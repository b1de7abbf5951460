"""aiohttp alone: the collector's requests by one shared session, and nothing of the collector.

Two requests on one connection per node, the last one with `Connection: close`.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bench.clients.client import CONNECT_SECONDS, TIMEOUT_SECONDS, Client, client_of
from bench.clients.fleet import PATHS, Fleet, Target


@contextlib.asynccontextmanager
async def open_by_name(fleet: Fleet) -> AsyncIterator[Client]:
    """Open a client that resolves names by aiohttp's own resolver."""
    async with _open(fleet, aiohttp.AsyncResolver(nameservers=[fleet.nameserver])) as client:
        yield client


@contextlib.asynccontextmanager
async def open_by_address(fleet: Fleet) -> AsyncIterator[Client]:
    """Open a client that knows all addresses, and asks no name server."""
    async with _open(fleet, _KnownAddresses(fleet)) as client:
        yield client


class _KnownAddresses(AbstractResolver):
    """Returns addresses that are known beforehand."""

    def __init__(self, fleet: Fleet) -> None:
        self._addresses = {target.name: target.address for target in fleet.targets}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=self._addresses[host],
                port=port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Do nothing: nothing was opened."""


@contextlib.asynccontextmanager
async def _open(fleet: Fleet, resolver: AbstractResolver) -> AsyncIterator[Client]:
    connector = aiohttp.TCPConnector(limit=0, ssl=fleet.tls_context(), resolver=resolver)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, connect=CONNECT_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def visit(target: Target) -> int:
            answers = 0
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                for path in PATHS:
                    headers = {"Connection": "close"} if path == PATHS[-1] else None
                    async with session.get(target.url + path, headers=headers) as response:
                        await response.read()
                    answers += 1
            return answers

        yield client_of(fleet, visit, len(PATHS), spreads=True)
    await resolver.close()
