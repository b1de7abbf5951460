"""Rounds are crawled on a clock of their own, the scheduler on the real one; nothing stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.support.leaks import no_leaks
from tests.support.virtual_clock import VirtualClockLoop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Each module names the one that it runs on."""
    return {"real": asyncio.new_event_loop, "virtual": VirtualClockLoop}


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task behind."""
    async with no_leaks():
        yield
