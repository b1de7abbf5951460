"""One server of each kind for all tests here, each test at a time of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from collector.times import DAY
from tests.support import influx_servers as servers
from tests.support.influx_servers import Influx
from tests.support.rounds import (
    START,
    node,
)
from tests.support.vantage_watch import DATABASE, Watch

SERVERS = (*servers.KINDS, *(["3"] if "3" in servers.binaries() else []))
_DAYS = count()


@pytest.fixture(scope="session", params=SERVERS)
def influx(request: pytest.FixtureRequest) -> Iterator[Influx]:
    """A server with a database."""
    with servers.running(request.param) as running:
        if running.kind.startswith("1"):
            status, _ = running.ask("/query", b"", q=f"CREATE DATABASE {DATABASE}")
            assert status == 200
        yield running


@pytest.fixture
def watch(influx: Influx) -> Callable[..., Watch]:
    """Makes vantages that look at three nodes."""

    def make(*names: str) -> Watch:
        return Watch(influx, (node(1), node(2), node(3)), names, START - next(_DAYS) * DAY)

    return make
