"""One authority for all tests here: keys are cheap, but not free."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from crn_simulator.server.certificate_authority import Authority


@pytest.fixture(scope="session")
def authority() -> Authority:
    """A throw-away authority."""
    return Authority()


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task behind."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left
