"""Damaged files: what can be read is saved, the rest is set aside, and the collector goes on."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collector.errors import DataDirectoryError
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader, SpoolLimits, StoreLimits
from tests.support.sample_points import ALL, Sample, sample

ROUNDS = 40
PAGE_BYTES = 4096
SPOOLING = StoreLimits(spool=SpoolLimits())


def crowd(time: int) -> list[Sample]:
    """Return the points of a round that takes some pages."""
    return [sample(time, f"host {n:03}", note=f"{time} {n} " * 4) for n in range(60)]


async def fill(directory: Path) -> Path:
    """A store with some rounds, state, and a spool; its file."""
    async with await EmbeddedStore.open(directory, ALL, 14, SPOOLING) as store:
        for number in range(1, ROUNDS + 1):
            time = number * 60
            await store.commit(RoundRecord(time, crowd(time), {"round": b"%d" % time}))
    return directory / "collector.db"


def root_of(path: Path, table: str) -> int:
    """Where a table's tree begins in the file."""
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        return int(connection.execute(sql, (table,)).fetchone()[0])


def overwrite(path: Path, page: int) -> None:
    """Damage one page, counted from 1."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES)


async def test_header_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A store that is no database any more is set aside whole, loudly, and a fresh one starts."""
    path = await fill(tmp_path)
    body = path.read_bytes()[:20] + b"\xa5" * 48 + path.read_bytes()[68:72] + b"\xa5" * 900
    path.write_bytes(body)
    with pytest.raises(DataDirectoryError, match="file is not a database") as caught:
        Reader(tmp_path)
    assert "sets the file aside" in caught.value.advice
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        assert (await store.commit(RoundRecord(60, crowd(60)))).stored
    (aside,) = _aside(tmp_path)
    assert aside.read_bytes() == body
    assert [r.levelno for r in caplog.records] == [logging.ERROR]
    assert aside.name in caplog.text


async def test_schema_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without its first page a file says nothing any more; a fresh one is started."""
    path = await fill(tmp_path)
    body = path.read_bytes()
    path.write_bytes(body[:100] + bytes(PAGE_BYTES - 100) + body[PAGE_BYTES:])
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        assert await store.last_round() is None
    assert "0 rows could still be read" in caplog.text


async def test_points_damaged_while_running(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Damage that shows during a round costs what lay there, and not the round, state or spool."""
    path = await fill(tmp_path)
    overwrite(path, root_of(path, "sample__points"))
    async with await EmbeddedStore.open(tmp_path, ALL, 14, SPOOLING) as store:
        receipt = await store.commit(RoundRecord(6_000, crowd(6_000), {"new": b"1"}))
        assert receipt.stored
        assert await store.load_state() == {"round": b"2400", "new": b"1"}
        assert (await store.backlog()).points == 60 * (ROUNDS + 1)
    with Reader(tmp_path) as reader:
        assert reader.rows("SELECT count(*) AS n FROM rounds") == [{"n": ROUNDS + 1}]
        assert reader.rows("SELECT DISTINCT time FROM sample") == [{"time": 6_000}]
        assert reader.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    assert "the rest is lost" in caplog.text
    assert len(_aside(tmp_path)) == 1


async def test_part_of_a_table(tmp_path: Path) -> None:
    """Of a table with one bad page, the rows before and behind it are saved."""
    path = await fill(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        pages = (
            connection.execute(
                "SELECT pageno FROM dbstat WHERE name = 'spool' AND pagetype = 'leaf' ORDER BY path"
            ).fetchall()
            if _has_dbstat(connection)
            else []
        )
    if not pages:
        pytest.skip("this SQLite does not tell where a table lies")
    overwrite(path, pages[len(pages) // 2][0])
    async with await EmbeddedStore.open(tmp_path, ALL, 14, SPOOLING) as store:
        found = [(await store.take(newest)) for newest in (True, False)]
        taken: set[int] = set()
        while queued := await store.take(False, taken):
            taken.add(queued.id)
        left = await store.backlog()
    assert [queued and queued.batch.time for queued in found] == [2_400, 60]
    assert 0 < left.batches < ROUNDS


def _has_dbstat(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1 FROM dbstat LIMIT 1")
    except sqlite3.Error:
        return False
    return True


async def test_other_version(tmp_path: Path) -> None:
    """Tables that this version does not know are saved too."""
    path = await fill(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE later (id INTEGER PRIMARY KEY, what TEXT)")
        connection.execute("INSERT INTO later VALUES (1, 'something')")
        connection.commit()
    overwrite(path, root_of(path, "sample__points"))
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(6_000, crowd(6_000)))
    with Reader(tmp_path) as reader:
        assert reader.rows("SELECT * FROM later") == [{"id": 1, "what": "something"}]


def _aside(directory: Path) -> list[Path]:
    """The damaged files that were set aside."""
    return list(directory.glob("collector.db.damaged-*"))
