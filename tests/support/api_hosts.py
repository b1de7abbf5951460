"""Fake API hosts by aioresponses, which cannot do without a little help on aiohttp 3.14."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import Mock

import aiohttp
from aiohttp import web
from aiohttp.streams import StreamReader
from aioresponses import aioresponses as fake_requests
from yarl import URL

from collector.directory.aggregate import CORECHANNEL, SETTINGS, Aggregate

Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[str]]

HOSTS = ("https://one.example.org", "https://two.example.org", "https://three.example.org")


class _Response(aiohttp.ClientResponse):
    """aioresponses does not know an argument that aiohttp 3.14 added."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock())
        super().__init__(*args, **kwargs)


def large_reader(loop: asyncio.AbstractEventLoop | None = None) -> StreamReader:
    """aioresponses feeds a body at once, which a reader of the usual limit refuses."""
    protocol = Mock(_reading_paused=False)
    return StreamReader(protocol, limit=64 * 1024 * 1024, loop=loop or Mock())


class Api:
    """Fake API hosts; a request that no test announced fails the test."""

    def __init__(self, fake: fake_requests) -> None:
        self._fake = fake
        self._announced: set[URL] = set()

    def answer(
        self, host: str, body: bytes = b"", aggregate: Aggregate[Any] = CORECHANNEL, **how: Any
    ) -> None:
        """Let the host answer once (or `repeat=True`) with this body, status or exception."""
        url = URL(host + aggregate.path)
        self._announced.add(url)
        self._fake.get(url, body=body, response_class=_Response, **how)

    def settle(self, body: bytes) -> None:
        """Let every host answer every question for the settings aggregate with this body."""
        for host in HOSTS:
            self.answer(host, body, SETTINGS, repeat=True)

    def asked(self, aggregate: Aggregate[Any] = CORECHANNEL) -> dict[str, int]:
        """How often each host was asked for the aggregate; hosts never asked are left out."""
        counts = {}
        for host in HOSTS:
            calls = self._fake.requests.get(("GET", URL(host + aggregate.path)), [])
            if calls:
                counts[host] = len(calls)
        return counts

    def unexpected(self) -> set[str]:
        """URLs that were asked for and never announced."""
        return {str(url) for _, url in self._fake.requests if url not in self._announced}
