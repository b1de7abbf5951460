"""A server of every generation, and delivery to it."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support import influx3_standin as standin
from tests.support import influx_servers as servers
from tests.support.disk_faults import small_disk_in
from tests.support.influx_bucket import InfluxBucket
from tests.support.influx_servers import Influx
from tests.support.leaks import no_leaks


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task or a store's thread behind."""
    async with no_leaks():
        yield


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of one megabyte, where this user may mount one."""
    with small_disk_in(tmp_path) as disk:
        if disk is None:
            pytest.skip("this user may not mount a small disk")
        yield disk


def _kinds() -> list[str]:
    real = ["3-real"] if os.environ.get("INFLUXDB3") else []
    return [*servers.KINDS, "3", *real]


@pytest.fixture(scope="session", params=_kinds())
def influx(request: pytest.FixtureRequest) -> Iterator[Influx]:
    """A server of each generation; 3 is the stand-in, and a real one where there is one."""
    if request.param == "3":
        with standin.running() as stand_in:
            yield Influx(stand_in.url, "3")
        return
    with servers.running(request.param.removesuffix("-real")) as server:
        yield server


@pytest.fixture
def missing_bucket(influx: Influx) -> Iterator[InfluxBucket]:
    """A bucket that nobody has created; what a test makes of it is removed where that matters."""
    bucket = InfluxBucket(influx, f"b-{uuid.uuid4().hex}")
    yield bucket
    bucket.remove_databases()


@pytest.fixture
def bucket(missing_bucket: InfluxBucket) -> InfluxBucket:
    """An empty bucket."""
    missing_bucket.create()
    return missing_bucket
