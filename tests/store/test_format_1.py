"""A store written before the tag `shard` existed: it opens, loses nothing, and goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from collector.schema.column import Point
from collector.schema.measurements import MEASUREMENTS, Collector, CollectorStore, NetworkVersion
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader, SpoolLimits, StoreLimits, file
from collector.store.table import Table

DUMP: Final = Path(__file__).with_name("format_1.sql")
SHARDED: Final = {
    "network",
    "network_gpu",
    "network_version",
    "network_failure",
    "collector",
    "collector_store",
}
NAMES: Final = tuple(m.MEASUREMENT for m in MEASUREMENTS)
LAST: Final = 1_800_000_060
"""The last round of the dump."""

Row = frozenset[tuple[str, Any]]
"""A row by its columns, in whatever order these are."""
Rows = dict[str, set[Row]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file as the older version left it."""
    path = tmp_path / file.FILE_NAME
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMP.read_text(encoding="utf-8"))
    return path


def rows_of(path: Path) -> Rows:
    """Every point of every measurement, as its view shows it, without what is absent.

    A field that was added later is absent in points of before.
    """
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return {
            name: {
                frozenset((key, row[key]) for key in row.keys() if row[key] is not None)  # noqa: SIM118
                for row in connection.execute(f'SELECT * FROM "{name}"')
            }
            for name in NAMES
        }


def with_shard(rows: Rows) -> Rows:
    """The same points as this version shows them."""
    return {
        name: {row | {("shard", "0")} for row in found} if name in SHARDED else found
        for name, found in rows.items()
    }


def header(path: Path) -> tuple[int, int]:
    """The file's format, and a number that every change of its tables raises."""
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (schema_version,) = connection.execute("PRAGMA schema_version").fetchone()
        return version, schema_version


async def open_and_close(path: Path, *points: Point, time: int = LAST + 60) -> None:
    """Open the store with this version, write a round if there are points, and close it."""
    async with await EmbeddedStore.open(path.parent, MEASUREMENTS, 14) as store:
        if points:
            assert (await store.commit(RoundRecord(time, points))).points == len(points)


def version_point(shard: str, time: int = LAST + 60) -> NetworkVersion:
    """A point of a series that the dump holds, but for its shard."""
    return NetworkVersion(
        time=time, vantage="default", shard=shard, version="1.7.2", nodes=2, reachable=2
    )


def test_the_dump_is_the_old_format(path: Path) -> None:
    """The dump has points of every measurement, and no shard anywhere."""
    found = rows_of(path)
    assert [name for name in NAMES if not found[name]] == []
    assert not any("shard" in dict(row) for rows in found.values() for row in rows)
    assert header(path)[0] == 1


async def test_every_point_is_kept(path: Path) -> None:
    """Opening gives the points of counts and sums the shard `0`, and changes nothing else."""
    before = rows_of(path)
    await open_and_close(path)
    assert rows_of(path) == with_shard(before)
    assert header(path)[0] == file.FORMAT


async def test_views_of_others_stay(path: Path) -> None:
    """A view that an operator made in the file works on, and does not stop the upgrade."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE VIEW mine AS SELECT max(nodes) FROM network")
        connection.execute("CREATE VIEW names AS SELECT vantage FROM network__series")
    await open_and_close(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM mine").fetchall() == [(2,)]
        assert connection.execute("SELECT * FROM names").fetchall() == [("default",)]


async def test_opening_again_changes_nothing(path: Path) -> None:
    """The second opening finds all it needs."""
    await open_and_close(path)
    before, rows = header(path), rows_of(path)
    await open_and_close(path)
    assert header(path) == before
    assert rows_of(path) == rows


async def test_shard_0_continues_the_old_series(path: Path) -> None:
    """What shard `0` writes joins the series that is there; another shard begins one."""
    await open_and_close(path, version_point("0"), version_point("1"))
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT series, shard FROM network_version__series ORDER BY series"
        series = connection.execute(sql).fetchall()
        points = connection.execute("SELECT time, series FROM network_version__points").fetchall()
    assert series == [(1, "0"), (2, "1")]
    assert points == [(LAST - 60, 1), (LAST, 1), (LAST + 60, 1), (LAST + 60, 2)]


async def test_a_replayed_round_overwrites_its_points(path: Path) -> None:
    """A point of the last old round that is written again is still one point."""
    await open_and_close(path, version_point("0", LAST), time=LAST)
    found = [row for row in map(dict, rows_of(path)["network_version"]) if row["time"] == LAST]
    assert [(row["nodes"], row["reachable"]) for row in found] == [(2, 2)]


async def test_waiting_rounds_leave_as_they_were_written(path: Path) -> None:
    """The spool, the state and the rounds are what they were, byte by byte."""
    tables = ("spool", "state", "rounds")
    with closing(sqlite3.connect(path)) as connection:
        before = [connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables]
    opened = await EmbeddedStore.open(
        path.parent, MEASUREMENTS, 14, limits=StoreLimits(spool=SpoolLimits())
    )
    async with opened as store:
        batch = await store.take(newest=False)
    assert batch is not None
    assert (batch.id, batch.batch.time, batch.batch.points, batch.batch.body) == (
        before[0][0][0],
        *before[0][0][1:3],
        before[0][0][4],
    )
    assert b"network,vantage=default nodes=2i" in b"".join(batch.batch.lines())
    with closing(sqlite3.connect(path)) as connection:
        after = [connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables]
    assert after == before


async def test_a_damaged_old_file_is_saved(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of an old file in which one table is damaged, the points of all others are saved."""
    expected = with_shard(rows_of(path))
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'collector_store__series'"
        (page,) = connection.execute(sql).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as opened:
        opened.seek((page - 1) * size)
        opened.write(b"\xa5" * size)
    await open_and_close(path)
    assert "is damaged" in caplog.text
    assert rows_of(path) == expected | {"collector_store": set()}
    await open_and_close(path, version_point("0"))
    assert len(rows_of(path)["network_version"]) == len(expected["network_version"]) + 1


def test_an_interrupted_upgrade_leaves_the_old_file(path: Path) -> None:
    """What fails half-way leaves the file as the older version wrote it."""

    class UpgradeInterruptedError(Exception):
        pass

    class Broken(Table):
        def ensure(self, connection: sqlite3.Connection) -> None:
            raise UpgradeInterruptedError

    before, rows = header(path), rows_of(path)
    last = Table.of(Collector)
    broken = Broken(**{name: getattr(last, name) for name in Table.__slots__})
    with pytest.raises(UpgradeInterruptedError):
        file.create(path, [*(Table.of(m) for m in MEASUREMENTS if m is not Collector), broken])
    assert header(path) == before
    assert rows_of(path) == rows


def test_a_reader_before_the_upgrade(path: Path) -> None:
    """A point read from a file that no collector has opened since has the shard `0`."""
    with Reader(path.parent) as reader:
        found = reader.latest(CollectorStore, 3600, vantage="default")
    assert {(point.store, point.shard) for point in found} == {("embedded", "0"), ("influxdb", "0")}
