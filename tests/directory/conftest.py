"""Fixtures of the directory's tests: fake API hosts, real ones on loopback, a leak check."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest
from aiohttp import web
from aiohttp.streams import StreamReader
from aioresponses import aioresponses as fake_requests
from yarl import URL

from collector.directory.aggregate import CORECHANNEL, SETTINGS, Aggregate
from tests.support.directory_fakes import Clock, MemoryCopies

HOSTS = ("https://one.example.org", "https://two.example.org", "https://three.example.org")


class _Response(aiohttp.ClientResponse):
    """aioresponses does not know an argument that aiohttp 3.14 added."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock())
        super().__init__(*args, **kwargs)


def _reader(loop: asyncio.AbstractEventLoop | None = None) -> StreamReader:
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


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Fake API hosts."""
    monkeypatch.setattr(aioresponses.core, "stream_reader_factory", _reader)
    with fake_requests() as fake:
        hosts = Api(fake)
        yield hosts
        assert hosts.unexpected() == set()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session as the app would give it; afterwards no task is left."""
    async with aiohttp.ClientSession(trust_env=False) as opened:
        yield opened
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.fixture
def clock() -> Clock:
    """A clock moved by hand."""
    return Clock()


@pytest.fixture
def copies() -> MemoryCopies:
    """Copies in memory."""
    return MemoryCopies()


Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a real server on loopback that answers everything with the handler; its base URL."""
    runners = []

    async def start(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
        app = web.Application()
        app.router.add_get("/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    yield start
    for runner in runners:
        await runner.cleanup()
