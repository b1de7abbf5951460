"""Rounds of more points than are in memory at once: stored in slices, whole or not at all."""

from __future__ import annotations

import asyncio
import resource
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from collector.schema.column import Point
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, SpoolLimits, StoreLimits
from tests.support.sample_points import ALL, sample, samples

SPOOLING = StoreLimits(spool=SpoolLimits())
COUNT = 9_000
"""Points of a round; a slice has 1,000."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Breaking:
    """Points of which the reading fails after so many."""

    time: int
    after: int

    def __iter__(self) -> Iterator[Point]:
        yield from samples(self.time, self.after)
        raise RuntimeError("a bug")


def with_rejected(time: int, *places: int) -> list[Point]:
    """Return a round with points in these places that no InfluxDB would take."""
    points: list[Point] = list(samples(time, COUNT))
    for place in places:
        points[place] = sample(time, "x" * 70_000)
    return points


def stored(folder: Path) -> dict[int, tuple[int, int, int, int]]:
    """Return by round the points that it counts, and those in the file, rejected and spooled."""
    sql = (
        "SELECT time, points, (SELECT count(*) FROM sample s WHERE s.time = r.time),"
        " (SELECT count(*) FROM rejected j WHERE j.time = r.time),"
        " (SELECT COALESCE(sum(points), 0) FROM spool q WHERE q.time = r.time)"
        " FROM rounds r ORDER BY time"
    )
    with closing(sqlite3.connect(folder / "collector.db")) as file:
        return {time: tuple(counts) for time, *counts in file.execute(sql)}


async def test_a_rejected_point_costs_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is rejected in one slice or another is counted, warned of once, and kept."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14, SPOOLING) as store:
        receipt = await store.commit(RoundRecord(60, with_rejected(60, 5, 8_500)))
    assert (receipt.stored, receipt.points, receipt.rejected) == (True, COUNT - 2, 2)
    assert [r.getMessage().partition(",")[0] for r in caplog.records] == [
        f"round 60: 2 of {COUNT} points rejected"
    ]
    assert stored(tmp_path) == {60: (COUNT - 2, COUNT - 2, 2, COUNT - 2)}


async def test_a_disk_that_fails_after_some_slices(tmp_path: Path) -> None:
    """Nothing of such a round is in the file; it waits in memory, and is written whole later."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with await EmbeddedStore.open(tmp_path, ALL, 14, SPOOLING) as store:
        await store.commit(RoundRecord(60, samples(60, 10)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
        try:
            waits = await store.commit(RoundRecord(120, with_rejected(120, 5)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert stored(tmp_path) == {60: (10, 10, 0, 10)}
        assert (waits.stored, waits.points, waits.rejected) == (False, COUNT - 1, 1)
        assert (waits.waiting_rounds, waits.waiting_points) == (1, COUNT - 1)
        await store.commit(RoundRecord(180, samples(180, 10)))
    assert stored(tmp_path)[120] == (COUNT - 1, COUNT - 1, 1, COUNT - 1)
    assert stored(tmp_path)[180] == (10, 10, 0, 10)


async def test_a_bug_in_a_later_slice(tmp_path: Path) -> None:
    """It is raised, nothing of its round is in the file, and the next round is stored."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14, SPOOLING) as store:
        with pytest.raises(RuntimeError, match="a bug"):
            await store.commit(RoundRecord(60, Breaking(60, COUNT), {"key": b"new"}))
        assert await store.load_state() == {}
        receipt = await store.commit(RoundRecord(120, samples(120, 10)))
    assert (receipt.stored, receipt.waiting_rounds) == (True, 0)
    assert stored(tmp_path) == {120: (10, 10, 0, 10)}


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore
from tests.store.test_slices import COUNT, SPOOLING
from tests.support.sample_points import ALL, samples

class Killing:
    def __iter__(self):
        yield from samples(120, COUNT)
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with await EmbeddedStore.open(Path(sys.argv[1]), ALL, 14, SPOOLING) as store:
        await store.commit(RoundRecord(60, samples(60, COUNT), {"key": b"60"}))
        await store.commit(RoundRecord(120, Killing(), {"key": b"120"}))

asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_kill_between_slices(tmp_path: Path) -> None:
    """The round that was being written is gone as a whole, and the one before it is there."""
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", _KILLED, tmp_path, cwd=ROOT)
    assert await killed.wait() == -signal.SIGKILL
    async with await EmbeddedStore.open(tmp_path, ALL, 14, SPOOLING) as store:
        assert (await store.load_state(), await store.last_round()) == ({"key": b"60"}, 60)
    assert stored(tmp_path) == {60: (COUNT, COUNT, 0, COUNT)}
