"""Old rounds leave, a slice per commit, and what belongs to them leaves too."""

from __future__ import annotations

from pathlib import Path

from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader
from collector.store.commits import CONFIRMING_ROUNDS
from collector.store.retention import SLICE_ROWS
from tests.support.sample_points import ALL, sample

DAY = 86_400


async def _confirm(store: EmbeddedStore, time: int) -> None:
    """Commit as many rounds as make the store believe a clock that has leapt to this time."""
    for number in range(CONFIRMING_ROUNDS):
        await store.commit(RoundRecord(time + number))


async def test_old_rounds_leave(tmp_path: Path) -> None:
    """Points, rounds and rejected lines older than the retention are gone, younger ones stay."""
    async with await EmbeddedStore.open(tmp_path, ALL, 2) as store:
        for time in (0, DAY, 2 * DAY, 3 * DAY):
            await store.commit(RoundRecord(time, [sample(time), sample(time, "")]))
        await _confirm(store, 3 * DAY)
    assert _times(tmp_path, "sample") == [DAY, 2 * DAY, 3 * DAY]
    assert _times(tmp_path, "rounds")[:3] == [DAY, 2 * DAY, 3 * DAY]
    assert _times(tmp_path, "rejected") == [DAY, 2 * DAY, 3 * DAY]


async def test_a_commit_deletes_a_slice_only(tmp_path: Path) -> None:
    """A large backlog of old points leaves in slices, until none is left."""
    old = [sample(n % 3, f"host {n}") for n in range(3 * SLICE_ROWS)]
    left = []
    async with await EmbeddedStore.open(tmp_path, ALL, 1) as store:
        await store.commit(RoundRecord(0, old))
        await _confirm(store, 3 * DAY - 60)
        for time in range(3 * DAY, 3 * DAY + 120, 60):
            await store.commit(RoundRecord(time))
            with Reader(tmp_path) as reader:
                left.append(reader.rows("SELECT count(*) AS n FROM sample")[0]["n"])
    assert left == [SLICE_ROWS, 0]


async def test_series_without_points_leave(tmp_path: Path) -> None:
    """A series goes with its last point, one that is still written keeps its number."""
    async with await EmbeddedStore.open(tmp_path, ALL, 1) as store:
        await store.commit(RoundRecord(0, [sample(0, "kept"), sample(0, "gone")]))
        for time in range(DAY, 5 * DAY, DAY // 2):
            await store.commit(RoundRecord(time, [sample(time, "kept")]))
        await _confirm(store, 5 * DAY - DAY // 2)
        with Reader(tmp_path) as reader:
            series = reader.rows("SELECT series, host FROM sample__series")
        await store.commit(RoundRecord(5 * DAY, [sample(5 * DAY, "gone"), sample(5 * DAY, "new")]))
    assert series == [{"series": 1, "host": "kept"}]
    with Reader(tmp_path) as reader:
        names = reader.rows(f"SELECT host FROM sample WHERE time = {5 * DAY} ORDER BY host")
    assert names == [{"host": "gone"}, {"host": "new"}]


async def test_file_stops_growing(tmp_path: Path) -> None:
    """Freed pages are used again: the file is as large after five retentions as after two."""
    sizes = []
    async with await EmbeddedStore.open(tmp_path, ALL, 1) as store:
        for time in range(0, 5 * DAY, 3600):
            await store.commit(RoundRecord(time, [sample(time, f"host {n}") for n in range(50)]))
            with Reader(tmp_path) as reader:
                sizes.append(reader.rows("PRAGMA page_count")[0]["page_count"])
    assert sizes[-1] <= sizes[50] + 4


def _times(directory: Path, table: str) -> list[int]:
    with Reader(directory) as reader:
        return [row["time"] for row in reader.rows(f"SELECT time FROM {table} ORDER BY time")]
