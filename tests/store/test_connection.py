"""The connection that the store lends: steps return values, and failures are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.errors import DataDirectoryError
from collector.store.connection import StoreConnection
from collector.store.file import FILE_NAME
from collector.store.table import Table
from collector.store.writer import Writer
from tests.support.disk_faults import store_moved_away
from tests.support.sample_points import ALL

TABLES = {kind.MEASUREMENT: Table.of(kind) for kind in ALL}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[StoreConnection]:
    """The connection to a new file."""
    opened = StoreConnection(tmp_path / FILE_NAME, TABLES)
    yield opened
    opened.close()


def rounds(writer: Writer) -> list[int]:
    """Return the times of all rounds."""
    return [time for (time,) in writer.connection.execute("SELECT time FROM rounds")]


def add_round(writer: Writer) -> str:
    """Add a round, and return something."""
    writer.connection.execute("INSERT INTO rounds VALUES (60, 61.5, 0, 0)")
    return "added"


def test_step_returns_its_value(connection: StoreConnection) -> None:
    """What a step returns comes back."""
    assert connection.run(add_round) == "added"
    assert connection.run(rounds) == [60]


def test_bug_is_raised_as_it_is(connection: StoreConnection) -> None:
    """An error that is no fault of the disk is not translated, and the connection stays."""

    def bug(writer: Writer) -> None:
        raise ValueError("a bug")

    connection.run(add_round)
    with pytest.raises(ValueError, match="a bug"):
        connection.run(bug)
    assert connection.run(rounds) == [60]


def test_failing_disk_is_raised_for_an_operator(
    connection: StoreConnection, tmp_path: Path
) -> None:
    """While the file is away every step fails, and the next one after that works again."""
    connection.run(add_round)
    with store_moved_away(tmp_path):
        for _ in range(2):
            with pytest.raises(DataDirectoryError, match="was moved or deleted"):
                connection.run(rounds)
    assert connection.run(rounds) == [60]


def test_damage_is_salvaged_a_few_times(tmp_path: Path) -> None:
    """A step meets a salvaged file, three times; then an operator is needed."""
    path = tmp_path / FILE_NAME
    connection = StoreConnection(path, TABLES)
    for _ in range(3):
        connection.close()
        path.write_bytes(b"garbage" * 100)
        assert connection.run(rounds) == []
    connection.close()
    path.write_bytes(b"garbage" * 100)
    with pytest.raises(DataDirectoryError, match="not a database"):
        connection.run(rounds)
    assert len(list(tmp_path.glob(f"{FILE_NAME}.damaged-*"))) == 3
