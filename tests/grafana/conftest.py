"""Every InfluxDB that is here, with a network that lived by a script written into it once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import influx2
import pytest
import servers
from database import Bucket, Database
from life import LIFE
from story import Story

MISSING = "no InfluxDB 1.x or 2.x: put influxd on the PATH or into a folder of servers"

Fill = Callable[[Story], Bucket]


def _cases() -> list[object]:
    cases = [pytest.param((1, b), id=f"{b.parent.name}-{b.name}") for b in _generation_1()]
    cases += [pytest.param((2, b), id=f"{b.parent.name}-{b.name}") for b in influx2.binaries()]
    return cases or [pytest.param(None, id="missing")]


def _generation_1() -> list[Path]:
    here = [path for path in influx2.HOME.glob("influxd-1*") if os.access(path, os.X_OK)]
    return [*servers.influx1_binaries(), *here]


@pytest.fixture(scope="session", params=_cases())
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Each server that is here, empty."""
    if request.param is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    generation, binary = request.param
    with ExitStack() as stack:
        if generation == 1:
            yield Database(stack.enter_context(servers.running_influx1(binary)).url, 1)
        else:
            yield stack.enter_context(influx2.running(binary))


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
    return fill(LIFE)
