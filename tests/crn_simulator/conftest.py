"""One authority for all tests here: keys are cheap, but not free."""

from collections.abc import AsyncIterator

import pytest

from crn_simulator.server.certificate_authority import Authority
from tests.support.leaks import no_leaks


@pytest.fixture(scope="session")
def authority() -> Authority:
    """A throw-away authority."""
    return Authority()


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task behind."""
    async with no_leaks():
        yield
