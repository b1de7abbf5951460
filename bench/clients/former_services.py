"""The algorithms of the two services before this one, rebuilt from their description.

Both ask three endpoints of every node at the same time, of all nodes at once, each request with a
timeout of 30 s in all. What bounds them is a limit of 100: the later one's is that of the connector
of its one shared session, the earlier one's a semaphore around a session per request.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import aiohttp

from bench.clients.client import Client, client_of
from bench.clients.fleet import PATHS, Fleet, Target

ENDPOINTS: Final = (*PATHS, "/status/check/ipv6")
LIMIT: Final = 100
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)


@contextlib.asynccontextmanager
async def open_shared_session(fleet: Fleet) -> AsyncIterator[Client]:
    """Open the later one: requests wait inside the connector, which is in their timeout.

    A session of its own warms it up: between two real rounds, all connections are closed again.
    """

    async def warm_up() -> None:
        async with _shared_session(fleet) as other:
            await other.warm_up()

    async with _shared_session(fleet) as client:
        yield replace(client, warm_up=warm_up)


@contextlib.asynccontextmanager
async def _shared_session(fleet: Fleet) -> AsyncIterator[Client]:
    async with _resolver(fleet) as resolver:
        connector = aiohttp.TCPConnector(limit=LIMIT, ssl=fleet.tls_context(), resolver=resolver)
        async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:

            async def visit(target: Target) -> int:
                urls = [target.url + path for path in ENDPOINTS]
                return sum(await asyncio.gather(*(_is_answered(session, url) for url in urls)))

            yield client_of(fleet, visit, len(ENDPOINTS), spreads=False)


@contextlib.asynccontextmanager
async def open_session_per_request(fleet: Fleet) -> AsyncIterator[Client]:
    """Open the earlier one: requests wait at the semaphore, outside of their timeout."""
    semaphore = asyncio.Semaphore(LIMIT)
    context = fleet.tls_context()
    async with _resolver(fleet) as resolver:

        async def ask(url: str) -> bool:
            async with semaphore:
                connector = aiohttp.TCPConnector(ssl=context, resolver=resolver)
                async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
                    return await _is_answered(session, url)

        async def visit(target: Target) -> int:
            urls = [target.url + path for path in ENDPOINTS]
            return sum(await asyncio.gather(*map(ask, urls)))

        yield client_of(fleet, visit, len(ENDPOINTS), spreads=False)


@contextlib.asynccontextmanager
async def _resolver(fleet: Fleet) -> AsyncIterator[aiohttp.AsyncResolver]:
    """Open a resolver, which all connectors of a client share."""
    resolver = aiohttp.AsyncResolver(nameservers=[fleet.nameserver])
    try:
        yield resolver
    finally:
        await resolver.close()


async def _is_answered(session: aiohttp.ClientSession, url: str) -> bool:
    """Return whether a complete answer came, whatever its status."""
    try:
        async with session.get(url) as response:
            await response.read()
    except (aiohttp.ClientError, TimeoutError):
        return False
    return True
