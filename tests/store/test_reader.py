"""Other processes read while the collector writes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from collector.errors import DataDirectoryError
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader
from tests.support.disk_weather import ALL, Tide, weather

ROOT = Path(__file__).parents[2]


async def test_another_process_reads_while_we_write(tmp_path: Path) -> None:
    """A round is visible to another process as soon as its commit is answered."""
    script = (
        "import json, sys; from pathlib import Path; from collector.store import Reader\n"
        "with Reader(Path(sys.argv[1])) as reader: print(json.dumps(reader.rows(sys.argv[2])))"
    )
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        for time in (60, 120):
            await store.commit(RoundRecord(time, [weather(time)]))
            answer = subprocess.run(  # noqa: ASYNC221
                [sys.executable, "-c", script, tmp_path, "SELECT max(time) AS last FROM weather"],
                cwd=ROOT,
                capture_output=True,
                check=True,
            )
            assert json.loads(answer.stdout) == [{"last": time}]


async def test_open_reader_does_not_hold_up_the_writer(tmp_path: Path) -> None:
    """Rounds are stored in the middle of somebody's long query."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(60, [weather(60), weather(60, "Ghent")]))
        with Reader(tmp_path) as reader:
            reader.rows("BEGIN")
            before = reader.rows("SELECT count(*) AS n FROM weather")
            assert (await store.commit(RoundRecord(120, [weather(120)]))).stored
            assert reader.rows("SELECT count(*) AS n FROM weather") == before
            reader.rows("COMMIT")
            assert reader.rows("SELECT count(*) AS n FROM weather") == [{"n": 3}]


async def test_latest_is_the_newest_of_each_series(tmp_path: Path) -> None:
    """One row per series, none older than the span before the last round."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(60, [weather(60, "gone"), weather(60), weather(60, "slow")]))
        await store.commit(
            RoundRecord(120, [weather(120, "slow", drops=None, degrees=1.0), weather(120, drops=5)])
        )
        await store.commit(RoundRecord(180, [weather(180, drops=7)]))
    empty = {"station": "", "degrees": None, "drops": None, "sky": None}
    with Reader(tmp_path) as reader:
        assert reader.last_round() == 180
        rows = reader.latest("weather", 60)
        assert len(reader.latest("weather", 120)) == 3
        assert reader.latest("unheard", 60) == []
        assert reader.latest("tide", 60) == []
    assert sorted(rows, key=lambda row: str(row["city"])) == [
        {**empty, "time": 180, "city": "Delft", "drops": 7},
        {**empty, "time": 120, "city": "slow", "degrees": 1.0},
    ]
    assert list(rows[0]) == ["time", "city", "station", "degrees", "drops", "sky"]


async def test_latest_of_a_measurement_without_tags(tmp_path: Path) -> None:
    """A measurement without tags has one series."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        for time in (60, 120):
            await store.commit(RoundRecord(time, [Tide(time=time, metres=1.0)]))
    with Reader(tmp_path) as reader:
        assert reader.latest("tide", 600) == [{"time": 120, "metres": 1.0}]


@pytest.mark.parametrize("empty_file", [False, True], ids=["no file", "empty file"])
def test_no_store_yet(empty_file: bool, tmp_path: Path) -> None:
    """Where nothing was stored yet, the message says so and what to do."""
    if empty_file:
        (tmp_path / "collector.db").touch()
    with pytest.raises(DataDirectoryError, match="There is no store in") as caught:
        Reader(tmp_path)
    assert "Start the collector" in caught.value.advice
    assert len(list(tmp_path.iterdir())) == empty_file


async def test_reader_cannot_write(tmp_path: Path) -> None:
    """A reader's query cannot change anything."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(60, [weather(60)]))
    with Reader(tmp_path) as reader, pytest.raises(DataDirectoryError, match="readonly"):
        reader.rows("DELETE FROM weather__points")


async def test_wrong_query_is_a_bug(tmp_path: Path) -> None:
    """A query that SQLite cannot understand is not blamed on the disk."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14):
        pass
    with Reader(tmp_path) as reader, pytest.raises(sqlite3.OperationalError, match="no such table"):
        reader.rows("SELECT * FROM nowhere")
