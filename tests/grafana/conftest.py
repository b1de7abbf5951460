"""Every InfluxDB that is here, with a network that lived by a script written into it once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.support import influx_servers as servers
from tests.support.grafana_database import Bucket, Database, Fill
from tests.support.grafana_example import EXAMPLE
from tests.support.grafana_story import Story

SERVERS = (*servers.KINDS, *(["3"] if "3" in servers.binaries() else []))


@pytest.fixture(scope="session", params=SERVERS)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Each generation of InfluxDB, empty."""
    with servers.running(request.param) as influx:
        yield Database(influx.url, influx.kind, influx.token, influx.org)


@pytest.fixture(scope="session")
def fill(database: Database) -> Fill:
    """Writes a story into a bucket of its own; the same story only once."""
    numbers = count()
    filled: dict[str, Bucket] = {}

    def write(story: Story) -> Bucket:
        if repr(story) not in filled:
            bucket = database.create(f"story{next(numbers)}")
            bucket.write(story.points())
            filled[repr(story)] = bucket
        return filled[repr(story)]

    return write


@pytest.fixture(scope="session")
def lived(fill: Fill) -> Bucket:
    """Seven hours in which something of everything happened."""
    return fill(EXAMPLE)
