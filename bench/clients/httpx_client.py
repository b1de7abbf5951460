"""httpx: the collector's requests by one `AsyncClient` with HTTP/1.1.

It asks the system's resolver only, which does not know simulated nodes: it is given addresses, and
the names for TLS. So names are verified, but not looked up.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import httpx

from bench.clients.client import CONNECT_SECONDS, TIMEOUT_SECONDS, Client, client_of
from bench.clients.fleet import PATHS, Fleet, Target

_CONNECTIONS: Final = 1024
"""As many as the collector opens."""


@contextlib.asynccontextmanager
async def open_client(fleet: Fleet) -> AsyncIterator[Client]:
    """Open the client."""
    async with httpx.AsyncClient(
        verify=fleet.tls_context(),
        timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=_CONNECTIONS),
        trust_env=False,
    ) as client:

        async def visit(target: Target) -> int:
            answers = 0
            with contextlib.suppress(httpx.HTTPError, TimeoutError):
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    for path in PATHS:
                        headers = {"Host": f"{target.name}:{target.port}"}
                        if path == PATHS[-1]:
                            headers["Connection"] = "close"
                        await client.get(
                            target.address_url + path,
                            headers=headers,
                            extensions={"sni_hostname": target.name},
                        )
                        answers += 1
            return answers

        yield client_of(fleet, visit, len(PATHS), spreads=True)
