"""Requests to hosts that the operator configured, through the session that all share."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp
import yarl

from collector.probe.policy import exempt_from_policy


class ConfiguredHosts:
    """The shared session without the address policy, which goes on to hold for all others.

    A list of nodes must never be dialled through it.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @contextlib.asynccontextmanager
    async def get(
        self,
        url: yarl.URL,
        *,
        allow_redirects: bool,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a GET as the session does."""
        with exempt_from_policy():
            async with self._session.get(
                url, allow_redirects=allow_redirects, timeout=timeout
            ) as response:
                yield response
