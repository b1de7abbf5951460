"""Rounds go in whole, survive a restart, and merge as InfluxDB merges them."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import stat
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from collector.errors import DataDirectoryError, LockedError
from collector.schema.column import Column, ColumnKind, Point, integer
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, MemoryStore, Reader
from tests.support.sample_points import ALL, Sample, Total, sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger(Point):
    """A measurement that no store here is opened with."""

    MEASUREMENT: ClassVar[str] = "stranger"

    count: int | None = integer("How many")


async def test_round_survives_restart(tmp_path: Path) -> None:
    """Points, state and the round are there after the store is opened again."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14, clock=lambda: 61.5) as store:
        assert (await store.last_round(), await store.load_state()) == (None, {})
        receipt = await store.commit(
            RoundRecord(60, [sample(60), Total(time=60, value=1.5)], {"a": b"1", "b": b"2"})
        )
    assert (receipt.stored, receipt.points, receipt.waiting_rounds) == (True, 2, 0)
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(120, (), {"a": None, "missing": None}))
        assert (await store.last_round(), await store.load_state()) == (120, {"b": b"2"})
    with Reader(tmp_path) as reader:
        assert reader.rows("SELECT * FROM total") == [{"time": 60, "value": 1.5}]
        assert reader.rows("SELECT * FROM rounds LIMIT 1") == [
            {"time": 60, "committed_at": 61.5, "points": 2, "rejected": 0}
        ]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("CAST(x'6eff' AS TEXT), x'31'", id="key-that-is-not-utf-8"),
        pytest.param("x'6e6f6465', x'31'", id="key-that-is-no-text"),
        pytest.param("CAST(x'ff' AS TEXT), CAST(x'ff' AS TEXT)", id="nothing-is-utf-8"),
    ],
)
async def test_a_damaged_row_of_the_state_is_deleted(
    row: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A row that nobody can ask for costs nothing else, and is told once, with the file."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(60, (), {"a": b"1"}))
    with closing(sqlite3.connect(tmp_path / "collector.db")) as file, file:
        file.execute(f"INSERT INTO state (key, value) VALUES ({row})")
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        assert await store.load_state() == {"a": b"1"}
        assert await store.load_state() == {"a": b"1"}
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{tmp_path / 'collector.db'} is damaged: 1 rows")


async def test_values_of_the_state_are_bytes(tmp_path: Path) -> None:
    """A value that another program wrote as text or number is given as its bytes."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14):
        pass
    with closing(sqlite3.connect(tmp_path / "collector.db")) as file, file:
        file.execute("INSERT INTO state (key, value) VALUES ('a', 'text'), ('b', 5)")
        file.execute("INSERT INTO state (key, value) VALUES ('c', CAST(x'ff' AS TEXT))")
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        assert await store.load_state() == {"a": b"text", "b": b"5", "c": b"\xff"}


async def test_point_written_again_is_merged(tmp_path: Path) -> None:
    """A second write of a point fills in and overwrites single fields."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(60, [sample(60, requests=1, load=2.5)]))
        await store.commit(RoundRecord(60, [sample(60, requests=3, note="fair")]))
    with Reader(tmp_path) as reader:
        assert reader.rows("SELECT load, requests, note FROM sample") == [
            {"load": 2.5, "requests": 3, "note": "fair"}
        ]
        assert len(reader.rows("SELECT * FROM rounds")) == 1


async def test_absent_tag_is_one_series(tmp_path: Path) -> None:
    """Points without a tag belong to one series, apart from those that have it."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        for time in (60, 120):
            await store.commit(RoundRecord(time, [sample(time), sample(time, region="north")]))
    with Reader(tmp_path) as reader:
        series = reader.rows("SELECT host, region FROM sample__series ORDER BY region")
    assert series == [
        {"host": "alpha", "region": ""},
        {"host": "alpha", "region": "north"},
    ]


async def test_late_event_keeps_its_time(tmp_path: Path) -> None:
    """A point of another time than the round's is stored under its own."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(86_400, [sample(30)]))
    with Reader(tmp_path) as reader:
        assert reader.rows("SELECT time FROM sample") == [{"time": 30}]


async def test_rejected_points_are_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However many points of a round are rejected, there is one warning."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(
            RoundRecord(60, [sample(60, requests=2**63), sample(60, ""), sample(60)])
        )
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "2 of 3 points" in record.getMessage()


async def test_unknown_measurement_is_a_bug(tmp_path: Path) -> None:
    """A measurement that the store does not know is raised, and the rounds after it are stored."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        with pytest.raises(ValueError, match="stranger"):
            await store.commit(RoundRecord(60, [Stranger(time=60, count=1)]))
        assert (await store.commit(RoundRecord(120, [sample(120)]))).stored


async def test_bug_is_raised_and_its_round_discarded(tmp_path: Path) -> None:
    """What SQLite cannot take for a reason of ours is raised, and does not block what follows."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        with pytest.raises(Exception, match="type"):
            await store.commit(RoundRecord(60, [sample(60)], {"key": object()}))  # type: ignore[dict-item]
        receipt = await store.commit(RoundRecord(120, [sample(120)]))
        assert (receipt.stored, receipt.waiting_rounds) == (True, 0)
    with Reader(tmp_path) as reader:
        assert reader.rows("SELECT time FROM sample") == [{"time": 120}]


async def test_copies(tmp_path: Path) -> None:
    """A copy is replaced by the next one, and survives a restart with its age."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        assert await store.load("list") is None
        await store.save("list", b"old", 1.0)
        await store.save("list", b"new", 2.5)
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        assert await store.load("list") == (b"new", 2.5)


async def test_cancelled_commit_is_stored(tmp_path: Path) -> None:
    """A task that is cancelled while it waits for the disk takes no round with it."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        commit = asyncio.create_task(store.commit(RoundRecord(60, [sample(60)])))
        await asyncio.sleep(0)
        commit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await commit
        assert await store.last_round() == 60


async def test_cancelled_open_releases_the_directory(tmp_path: Path) -> None:
    """A task that is cancelled while it opens the store leaves the directory free."""
    opening = asyncio.create_task(EmbeddedStore.open(tmp_path / "a", ALL, 14))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    lock = tmp_path / "a" / "collector.pid"
    await asyncio.to_thread(_wait_until_gone, lock)
    async with await EmbeddedStore.open(tmp_path / "a", ALL, 14) as store:
        assert await store.last_round() is None


def _wait_until_gone(path: Path) -> None:
    """Wait for the thread that releases the directory, the only one named after the store."""
    for thread in threading.enumerate():
        if thread.name.startswith("store"):
            thread.join(10)
    assert not path.exists()


async def test_only_this_user_can_read(tmp_path: Path) -> None:
    """The directory is made for this user alone, and so are its files."""
    directory = tmp_path / "state" / "collector"
    async with await EmbeddedStore.open(directory, ALL, 14) as store:
        await store.commit(RoundRecord(60, [sample(60)]))
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in [directory, *directory.iterdir()]}
    assert modes == {
        "collector": 0o700,
        "collector.db": 0o600,
        "collector.db-shm": 0o600,
        "collector.db-wal": 0o600,
        "collector.lock": 0o600,
        "collector.pid": 0o600,
    }


@pytest.mark.parametrize("name", ["collector.pid", "collector.lock"])
async def test_a_link_in_place_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    """A link that somebody put there is named and not written through; the directory is free."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    directory = tmp_path / "store"
    directory.mkdir()
    (directory / name).symlink_to(victim)
    with pytest.raises(DataDirectoryError, match=name) as caught:
        await EmbeddedStore.open(directory, ALL, 14)
    assert "remove the link" in caught.value.advice
    assert victim.read_text() == "precious"
    (directory / name).unlink()
    async with await EmbeddedStore.open(directory, ALL, 14):
        pass


@pytest.mark.parametrize("name", ["collector.pid", "collector.db"])
async def test_a_pipe_in_place_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    """A named pipe is refused by name, and nobody waits for its other end."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataDirectoryError, match=name) as caught:
        await EmbeddedStore.open(tmp_path, ALL, 14)
    assert "move" in caught.value.advice
    if name == "collector.db":
        with pytest.raises(DataDirectoryError, match=name):
            Reader(tmp_path)
    (tmp_path / name).unlink()
    async with await EmbeddedStore.open(tmp_path, ALL, 14):
        (tmp_path / "collector.pid").unlink()
        os.mkfifo(tmp_path / "collector.pid")
        with pytest.raises(LockedError, match="another collector uses"):
            await EmbeddedStore.open(tmp_path, ALL, 14)


async def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    """The second close does nothing."""
    store = await EmbeddedStore.open(tmp_path, ALL, 14)
    await store.close()
    await store.close()


async def test_memory_store_answers_alike(tmp_path: Path) -> None:
    """A dry run's store gives the same answers and touches no disk."""
    record = RoundRecord(60, [sample(60), sample(60, "")], {"a": b"1", "b": None})
    async with MemoryStore(ALL) as store:
        receipt = await store.commit(record)
        await store.save("list", b"new", 2.5)
        assert (receipt.stored, receipt.points, receipt.rejected) == (True, 1, 1)
        assert (await store.last_round(), await store.load_state()) == (60, {"a": b"1"})
        assert await store.load("list") == (b"new", 2.5)
        assert store.last is record


@pytest.mark.parametrize("name", ["time", "series", "used_until"])
async def test_reserved_name_is_a_bug(name: str, tmp_path: Path) -> None:
    """A measurement cannot have a column that the store needs for itself."""
    wrong = type("Wrong", (Sample,), {"columns": classmethod(lambda cls: _columns(name))})
    with pytest.raises(ValueError, match=name):
        await EmbeddedStore.open(tmp_path, [wrong], 14)


def _columns(name: str) -> tuple[Column, ...]:
    return (Column(name, ColumnKind.INTEGER, "Wrong"),)
