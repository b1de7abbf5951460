"""Fixtures of the directory's tests: fake API hosts, real ones on loopback, a leak check."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import aiohttp
import aioresponses.core
import pytest
from aiohttp import web
from aioresponses import aioresponses as fake_requests

from tests.support.api_hosts import Api, Serve, large_reader
from tests.support.directory_fakes import Clock, MemoryCopies


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Fake API hosts."""
    monkeypatch.setattr(aioresponses.core, "stream_reader_factory", large_reader)
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
