"""One authority for all tests here; both event loops; and nothing may be left behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
import ssl
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from collector.probe.connection import tls_context
from crn_simulator.server.certificate_authority import Authority
from tests.support.probe_bed import connections, settled

try:
    import uvloop
except ImportError:
    uvloop = None  # type: ignore[assignment]

BOTH = {"asyncio": asyncio.new_event_loop} | ({"uvloop": uvloop.new_event_loop} if uvloop else {})


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every asynchronous test runs on both loops, unless it names one."""
    return BOTH


@pytest.fixture(scope="session")
def authority() -> Authority:
    """A throw-away authority."""
    return Authority()


@pytest.fixture(scope="session")
def context(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """The collector's own context, which trusts that authority besides."""
    return tls_context(authority.write(tmp_path_factory.mktemp("tls") / "authority.pem"))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that would lead every request astray, if it were looked at."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> None:
    """Asynchronous tests must leave nothing behind; others have no loop to leave it on."""
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("nothing_left")


@pytest.fixture
async def nothing_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task or a connection behind."""
    before, open_before = asyncio.all_tasks(), connections()
    yield
    await settled()
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left
    assert connections() - open_before == set()


@pytest.fixture(autouse=True, scope="module")
def nothing_unclosed() -> Iterator[None]:
    """Find what is only noticed when it is collected while its module is still there to fail."""
    yield
    gc.collect()
