"""Disks that are full, read-only, broken, or somebody else's."""

from __future__ import annotations

import logging
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from collector.errors import CollectorError, DataDirectoryError, Exit, LockedError
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, PendingLimits, Reader, StoreLimits
from tests.support.disk_faults import empty, fill, store_moved_away
from tests.support.sample_points import ALL, Sample, sample, samples

ROOT = Path(__file__).parents[2]


def crowd(time: int, count: int = 500) -> list[Sample]:
    """Return the points of a round; 500 take some 50 KB."""
    return samples(time, count, note="x" * 60)


async def test_full_disk_is_survived(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Rounds wait in memory while the disk is full, and all are written when there is space."""
    async with await EmbeddedStore.open(small_disk / "data", ALL, 14) as store:
        first = await store.commit(RoundRecord(60, crowd(60), {"round": b"60"}))
        fill(small_disk)
        caplog.clear()
        waits = [
            await store.commit(RoundRecord(time, crowd(time), {"round": b"%d" % time}))
            for time in (120, 180, 240)
        ]
        assert [r.levelno for r in caplog.records] == [logging.ERROR]
        assert str(small_disk) in caplog.text
        assert "Free some space" in caplog.text
        assert (await store.load_state(), await store.last_round()) == ({"round": b"60"}, 60)
        empty(small_disk)
        last = await store.commit(RoundRecord(300, crowd(300), {"round": b"300"}))
        assert await store.load_state() == {"round": b"300"}
    assert (first.stored, last.stored, last.waiting_rounds) == (True, True, 0)
    assert [(r.stored, r.points, r.waiting_rounds) for r in waits] == [
        (False, 500, 1),
        (False, 500, 2),
        (False, 500, 3),
    ]
    assert waits[-1].waiting_bytes > 100_000
    assert _counts(small_disk / "data") == dict.fromkeys((60, 120, 180, 240, 300), 500)


async def test_file_limit_is_survived(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A write that fails half-way (here at the system's limit for a file) leaves no half round."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(60, crowd(60)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
        try:
            receipts = [await store.commit(RoundRecord(time, crowd(time))) for time in (120, 180)]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert _counts(tmp_path) == {60: 500}
    assert [r.stored for r in receipts] == [False, False]
    assert "Check that disk" in caplog.text
    assert _counts(tmp_path) == dict.fromkeys((60, 120, 180), 500)


async def test_closing_writes_what_waits(small_disk: Path) -> None:
    """Space that comes back before the end is enough."""
    async with await EmbeddedStore.open(small_disk / "data", ALL, 14) as store:
        fill(small_disk)
        assert not (await store.commit(RoundRecord(60, crowd(60)))).stored
        empty(small_disk)
    assert _counts(small_disk / "data") == {60: 500}


async def test_closing_logs_what_is_lost(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be stored to the end is counted in an error, and the lock is released."""
    async with await EmbeddedStore.open(small_disk / "data", ALL, 14) as store:
        fill(small_disk)
        await store.commit(RoundRecord(60, crowd(60)))
    assert "1 rounds with 500 points could not be stored and are lost" in caplog.text
    empty(small_disk)
    async with await EmbeddedStore.open(small_disk / "data", ALL, 14) as store:
        assert await store.last_round() is None


async def test_starting_on_a_full_disk(small_disk: Path) -> None:
    """A disk without any space is named at the start, with advice."""
    data = small_disk / "data"
    data.mkdir()
    fill(small_disk)
    with pytest.raises(DataDirectoryError, match=str(data)) as caught:
        await EmbeddedStore.open(data, ALL, 14)
    assert "space" in caught.value.advice


async def test_memory_is_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the limit the oldest rounds are dropped and counted; their state is not lost."""
    limits = StoreLimits(PendingLimits(2, 1000))
    async with await EmbeddedStore.open(tmp_path, ALL, 14, limits) as store:
        with store_moved_away(tmp_path):
            receipts = [
                await store.commit(
                    RoundRecord(time, crowd(time, 10), {"round": b"%d" % time, f"key {time}": b""})
                )
                for time in (60, 120, 180, 240)
            ]
        await store.commit(RoundRecord(300))
        state = await store.load_state()
    assert [r.dropped for r in receipts] == [0, 0, 10, 10]
    assert [r.waiting_rounds for r in receipts] == [1, 2, 2, 2]
    assert "10 points dropped" in caplog.text
    assert _counts(tmp_path) == {180: 10, 240: 10}
    assert state["round"] == b"240"
    assert {key for key in state if key != "round"} == {
        f"key {time}" for time in (60, 120, 180, 240)
    }


async def test_points_in_memory_are_bounded(tmp_path: Path) -> None:
    """Large rounds count by their points; the newest is always kept."""
    limits = StoreLimits(PendingLimits(100, 25))
    async with await EmbeddedStore.open(tmp_path, ALL, 14, limits) as store:
        with store_moved_away(tmp_path):
            receipts = [
                await store.commit(RoundRecord(60 * n, crowd(60 * n, count)))
                for n, count in ((1, 10), (2, 10), (3, 10), (4, 40))
            ]
    assert [(r.dropped, r.waiting_rounds) for r in receipts] == [(0, 1), (0, 2), (10, 2), (20, 1)]


async def test_recovery_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One error when it starts, one warning when it ends, whatever lies between."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        with store_moved_away(tmp_path):
            await store.save("list", b"new", 1.0)
            for time in (60, 120):
                await store.commit(RoundRecord(time, [sample(time)]))
        for time in (180, 240):
            await store.commit(RoundRecord(time, [sample(time)]))
    assert [(r.levelno, r.getMessage()) for r in caplog.records][1:] == [
        (logging.WARNING, "write succeeded again: 3 rounds written, none waits")
    ]
    assert caplog.records[0].getMessage().startswith("write failed: ")
    assert "was moved or deleted" in caplog.records[0].getMessage()


async def test_file_replaced_while_open(tmp_path: Path) -> None:
    """Writing goes on in the file that has the name, not in one that nobody can see."""
    async with await EmbeddedStore.open(tmp_path / "a", ALL, 14) as store:
        await store.commit(RoundRecord(60, [sample(60)]))
        for file in (tmp_path / "a").glob("collector.db*"):
            file.unlink()
        (tmp_path / "a" / "collector.db").touch()
        assert not (await store.commit(RoundRecord(120, [sample(120)]))).stored
        assert (await store.commit(RoundRecord(180, [sample(180)]))).stored
    assert _counts(tmp_path / "a") == {120: 1, 180: 1}


async def test_read_only_directory(unprivileged: Path) -> None:
    """A directory without the right to write is named, with the system's message and advice."""
    directory = unprivileged / "data"
    directory.mkdir(mode=0o500)
    with pytest.raises(DataDirectoryError, match="Permission denied") as caught:
        await EmbeddedStore.open(directory, ALL, 14)
    assert str(directory) in str(caught.value)
    assert "Give this user the right" in caught.value.advice
    assert caught.value.exit_code is Exit.DATA_DIRECTORY


async def test_read_only_file(unprivileged: Path) -> None:
    """A file without the right to write is named."""
    async with await EmbeddedStore.open(unprivileged / "data", ALL, 14):
        pass
    (unprivileged / "data" / "collector.db").chmod(0o400)
    with pytest.raises(DataDirectoryError, match=r"collector\.db: Permission denied"):
        await EmbeddedStore.open(unprivileged / "data", ALL, 14)


async def test_unreadable_directory(unprivileged: Path) -> None:
    """A reader without the right to read says so."""
    async with await EmbeddedStore.open(unprivileged / "data", ALL, 14):
        pass
    (unprivileged / "data").chmod(0)
    try:
        with pytest.raises(DataDirectoryError, match="Permission denied"):
            Reader(unprivileged / "data")
    finally:
        (unprivileged / "data").chmod(0o700)


@pytest.mark.parametrize("name", ["file", "file/below"], ids=["a file", "below a file"])
async def test_directory_is_a_file(name: str, tmp_path: Path) -> None:
    """A plain file in the way of the directory is named."""
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryError, match="file") as caught:
        await EmbeddedStore.open(tmp_path / name, ALL, 14)
    assert "plain file" in caught.value.advice


def test_missing_right_to_create(unprivileged: Path) -> None:
    """A directory that cannot be made is named."""
    unprivileged.joinpath("closed").mkdir(mode=0o500)
    with pytest.raises(DataDirectoryError, match="closed"):
        Reader(unprivileged / "closed" / "data")


@pytest.mark.parametrize("kind", ["sqlite", "text", "short"])
async def test_foreign_file(kind: str, tmp_path: Path) -> None:
    """A file of another program, SQLite's or not, is left alone, in the same words."""
    path = tmp_path / "collector.db"
    if kind == "sqlite":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE songs (title)")
    else:
        path.write_text("# my notes\n" * 100 if kind == "text" else "{}")
    body = path.read_bytes()
    for error in (await _refusal(tmp_path), _reader_refusal(tmp_path)):
        assert str(error) == f"{path} is a file of another program"
        assert "Choose another data directory" in error.advice
    assert path.read_bytes() == body
    assert not _set_aside(tmp_path)


def _set_aside(directory: Path) -> list[Path]:
    return list(directory.glob("*.damaged-*"))


async def _fill(directory: Path) -> None:
    async with await EmbeddedStore.open(directory, ALL, 14) as store:
        await store.commit(RoundRecord(60, [sample(60)]))


async def test_read_where_nothing_may_be_written(unprivileged: Path) -> None:
    """A store that was closed is read by who may only read."""
    data = unprivileged / "data"
    await _fill(data)
    with _read_only(data), Reader(data) as reader:
        assert reader.last_round() == 60


async def test_read_where_a_log_may_not_be_taken_over(unprivileged: Path) -> None:
    """Where the last rounds are in a log that cannot be read, that is said, and not passed over."""
    data = unprivileged / "data"
    await _fill(data)
    (data / "collector.db-wal").write_bytes(b"left behind by a kill" * 100)
    with _read_only(data):
        error = _reader_refusal(data)
    assert "its last rounds are in collector.db-wal" in str(error)
    assert "copy both files" in error.advice


async def test_read_without_the_right_to(unprivileged: Path) -> None:
    """A file that this user may not read is no matter of writing."""
    data = unprivileged / "data"
    await _fill(data)
    (data / "collector.db").chmod(0o000)
    error = _reader_refusal(data)
    assert str(error) == f"{data / 'collector.db'} may not be read by this user"
    assert "right to read" in error.advice


@contextmanager
def _read_only(directory: Path) -> Iterator[None]:
    """Take away the right to write in a directory, and give it back."""
    directory.chmod(0o500)
    try:
        yield
    finally:
        directory.chmod(0o700)


async def test_second_collector_is_refused(tmp_path: Path) -> None:
    """Another process on the same directory is refused, and the message names the holder."""
    script = (
        "import asyncio, sys; from pathlib import Path; from collector.store import EmbeddedStore\n"
        "asyncio.run(EmbeddedStore.open(Path(sys.argv[1]), [], 14))"
    )
    async with await EmbeddedStore.open(tmp_path, ALL, 14):
        second = subprocess.run(  # noqa: ASYNC221
            [sys.executable, "-c", script, tmp_path], cwd=ROOT, capture_output=True, text=True
        )
        with pytest.raises(LockedError) as caught:
            await EmbeddedStore.open(tmp_path, ALL, 14)
    message = f"another collector (process {os.getpid()}) uses the data directory {tmp_path}"
    assert str(caught.value) == message
    assert caught.value.exit_code is Exit.LOCKED
    assert message in second.stderr
    async with await EmbeddedStore.open(tmp_path, ALL, 14):
        pass


async def _refusal(directory: Path) -> CollectorError:
    with pytest.raises(DataDirectoryError) as caught:
        await EmbeddedStore.open(directory, ALL, 14)
    return caught.value


def _reader_refusal(directory: Path) -> CollectorError:
    with pytest.raises(DataDirectoryError) as caught:
        Reader(directory)
    return caught.value


def _counts(directory: Path) -> dict[int, int]:
    """Points by round; the rounds table says the same."""
    with Reader(directory) as reader:
        rows = reader.rows("SELECT time, count(*) AS n FROM sample GROUP BY time ORDER BY time")
        counts = {row["time"]: row["n"] for row in rows}
        rounds = reader.rows("SELECT time, points FROM rounds WHERE points > 0 ORDER BY time")
        assert {row["time"]: row["points"] for row in rounds} == counts
    return counts
