"""Delivery to a database of the test's own: order, fairness, limits, and what it logs."""

from __future__ import annotations

import asyncio
import gzip
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from itertools import groupby
from pathlib import Path

import pytest

from collector.influx.backoff import Backoff
from collector.influx.delivery import Delivery
from collector.influx.write_result import Fate, WriteResult
from collector.model.batch import Batch, BatchLimits, split_lines
from collector.model.queue import Ack
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader, SpoolLimits, StoreLimits
from tests.support.delivery_bed import QUICK, WatchedSpool, queued
from tests.support.disk_faults import empty, fill
from tests.support.sample_points import ALL, sample

ACCEPT, DOWN = WriteResult(Fate.ACCEPT), WriteResult(Fate.KEEP, "503 down")


class RecordingDatabase:
    """A database with given results, which records the round of each write."""

    def __init__(self, result: Callable[[bytes], WriteResult] = lambda _: ACCEPT) -> None:
        self._result = result
        self.times: list[int] = []
        self.accepted: list[bytes] = []

    async def write(self, body: bytes) -> WriteResult:
        text = gzip.decompress(body)
        self.times.append(int(text.rsplit(b" ", 1)[1]))
        result = self._result(text)
        if result.fate is Fate.ACCEPT:
            self.accepted += text.splitlines()
        return result


class UnpackingDatabase(RecordingDatabase):
    """A database that rejects what it cannot unpack."""

    async def write(self, body: bytes) -> WriteResult:
        if body == b"?":
            return WriteResult(Fate.REJECT, "400 gzip")
        return await super().write(body)


@asynccontextmanager
async def bed(
    directory: Path,
    database: RecordingDatabase,
    rounds: Sequence[int],
    *,
    count: int = 4,
    spool_limits: SpoolLimits = SpoolLimits(BatchLimits(2)),  # noqa: B008
    backoff: Backoff = QUICK,
) -> AsyncIterator[tuple[EmbeddedStore, WatchedSpool, Delivery]]:
    """A store with some rounds that wait, and delivery that was not started."""
    limits = StoreLimits(spool=spool_limits)
    async with await EmbeddedStore.open(directory, ALL, 1e6, limits) as store:
        for time in rounds:
            await store.commit(RoundRecord(time, [sample(time, f"c{n}") for n in range(count)]))
        spool = WatchedSpool(store)
        delivery = Delivery(spool, database, "http://db", backoff)
        yield store, spool, delivery
        await delivery.stop()


async def test_newest_and_oldest_take_turns(tmp_path: Path) -> None:
    """The newest round begins, the oldest follows, and so on: neither starves."""
    database = RecordingDatabase()
    async with bed(tmp_path, database, [60, 120, 180, 240]) as (_, _, delivery):
        await delivery.finish(10)
    assert database.times == [240, 60, 240, 60, 180, 120, 180, 120]


async def test_new_round_goes_first(tmp_path: Path) -> None:
    """A round that comes while nothing waited is sent at once."""
    database = RecordingDatabase()
    async with bed(tmp_path, database, []) as (store, spool, delivery):
        delivery.start()
        for time in (60, 120):
            await store.commit(RoundRecord(time, [sample(time)]))
            await spool.emptied()
    assert database.times == [60, 120]


async def test_batch_that_breaks_the_database(tmp_path: Path) -> None:
    """A write on which the database breaks every time holds up no other."""
    broken = WriteResult(Fate.KEEP, "500 panic", is_suspect=True)
    database = RecordingDatabase(lambda text: broken if b"c3" in text else ACCEPT)
    times = list(range(60, 660, 60))
    async with bed(tmp_path, database, times) as (store, spool, delivery):
        delivery.start()
        await spool.at_most(20)
        assert (await store.backlog()).points == 20
    assert sorted({int(line.rsplit(b" ", 1)[1]) for line in database.accepted}) == times


async def test_retry_after_is_honoured(tmp_path: Path) -> None:
    """A database that asks for time is left alone until it is over."""
    asked = asyncio.Event()

    def busy(_: bytes) -> WriteResult:
        asked.set()
        return WriteResult(Fate.KEEP, "429 slow down", retry_after_seconds=600.0)

    database = RecordingDatabase(busy)
    async with bed(tmp_path, database, [60]) as (store, _, delivery):
        delivery.start()
        await asked.wait()
        for time in (120, 180):
            await store.commit(RoundRecord(time, [sample(time)]))
        assert database.times == [60]
        assert not delivery.status.ready
        assert "429 slow down" in delivery.status.problem


async def test_finish_tries_once_more(tmp_path: Path) -> None:
    """Who stops during a back-off asks once more, and stops at the first failure."""
    asked = asyncio.Event()

    def down(_: bytes) -> WriteResult:
        asked.set()
        return DOWN

    database = RecordingDatabase(down)
    async with bed(tmp_path, database, [60, 120], backoff=Backoff(600, 600)) as (_, _, delivery):
        delivery.start()
        await asked.wait()
        left = await delivery.finish(20)
    assert (left.points, len(database.times)) == (8, 2)


async def test_outage_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An outage is one warning and its end another, however often it was tried."""
    database = RecordingDatabase(lambda _: DOWN if len(database.times) < 10 else ACCEPT)
    caplog.set_level(logging.INFO)
    async with bed(tmp_path, database, [60]) as (_, spool, delivery):
        delivery.start()
        await spool.emptied()
    assert [r.getMessage() for r in caplog.records] == [
        "InfluxDB at http://db: write failed: 503 down. Nothing is lost: points wait in the spool",
        "InfluxDB at http://db: write succeeded again",
    ]


async def test_report_counts_since_the_last(tmp_path: Path) -> None:
    """Each report counts from the one before; the backlog is what waits now."""
    database = RecordingDatabase(lambda text: ACCEPT if text.endswith(b" 60\n") else DOWN)
    async with bed(tmp_path, database, [60]) as (store, spool, delivery):
        delivery.start()
        await spool.emptied()
        await store.commit(RoundRecord(120, [sample(120)]))
        first = await delivery.report(180, 7)
        second = await delivery.report(240, 0)
    assert (first.points_delivered, first.points_dropped, first.backlog_points) == (4, 7, 1)
    assert (first.backlog_seconds, second.backlog_seconds) == (60, 120)
    assert (second.points_delivered, second.points_dropped) == (0, 0)
    assert first.backlog_bytes > 0


async def test_spool_is_bounded_by_bytes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the limit the oldest rounds are dropped and counted, with one warning."""
    async with bed(tmp_path, RecordingDatabase(), [60]) as (store, _, _):
        one = (await store.backlog()).bytes
    spool_limits = SpoolLimits(BatchLimits(2), bytes=one * 3)
    async with bed(tmp_path, RecordingDatabase(), [], spool_limits=spool_limits) as (store, _, _):
        receipts = [
            await store.commit(RoundRecord(t, [sample(t, f"c{n}") for n in range(4)]))
            for t in range(120, 420, 60)
        ]
        left = await store.backlog()
    assert sum(r.unsent for r in receipts) == 24 - left.points
    assert left.bytes <= one * 3
    assert left.oldest is not None
    assert left.oldest > 60
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "spool full" in caplog.text


async def test_spool_is_bounded_by_age(tmp_path: Path) -> None:
    """A round that waited longer than the limit is dropped, and the newest never."""
    limits = SpoolLimits(days=1, bytes=1)
    async with bed(tmp_path, RecordingDatabase(), [60], spool_limits=limits) as (store, _, _):
        assert (await store.backlog()).points == 4
        receipt = await store.commit(RoundRecord(60 + 86_401, [sample(60 + 86_401)]))
        assert (receipt.unsent, (await store.backlog()).points) == (4, 1)


async def test_clock_that_jumps(tmp_path: Path) -> None:
    """One round with a date far ahead ages out nothing, and is not sent before today's."""
    rounds = range(60, 60 * 41, 60)
    limits = SpoolLimits(days=1)
    async with bed(tmp_path, RecordingDatabase(), rounds, spool_limits=limits) as (store, _, _):
        receipt = await store.commit(RoundRecord(10**9, [sample(10**9)]))
        back = await store.commit(RoundRecord(60 * 41, [sample(60 * 41)]))
        assert (receipt.unsent, back.unsent) == (0, 0)
        newest = await store.take(newest=True)
        assert newest is not None
        assert newest.batch.time == 60 * 41
        assert (await store.backlog()).points == 40 * 4 + 2


async def test_disk_that_is_full_after_delivery(small_disk: Path) -> None:
    """What was delivered while the disk took nothing is remembered, and not sent again."""
    database = RecordingDatabase()
    async with bed(small_disk / "data", database, [60, 120]) as (store, _, delivery):
        fill(small_disk)
        await delivery.finish(10)
        assert sorted(database.times) == [60, 60, 120, 120]
        assert await store.take(True) is None
        empty(small_disk)
        assert (await store.commit(RoundRecord(180, [sample(180)]))).stored
        assert (await store.backlog()).points == 1


async def test_acknowledged_twice(tmp_path: Path) -> None:
    """A batch that was purged meanwhile is not brought back by what is left of it."""
    async with bed(tmp_path, RecordingDatabase(), [60]) as (store, _, _):
        taken = await queued(store)
        assert await store.purge_spool(None) == 4
        await store.acknowledge(Ack(taken.id, 60, (), [taken.batch]))
        assert (await store.backlog()).batches == 0


async def test_damaged_batch(tmp_path: Path) -> None:
    """A batch that cannot be unpacked is kept in `rejected` as such, and the next one follows."""
    async with bed(tmp_path, UnpackingDatabase(), [60, 120], count=2) as (_, _, delivery):
        with closing(sqlite3.connect(tmp_path / "collector.db")) as connection:
            connection.execute("UPDATE spool SET body = CAST('?' AS BLOB) WHERE time = 60")
            connection.commit()
        left = await delivery.finish(10)
        assert left.batches == 0
    with Reader(tmp_path) as reader:
        (rejected,) = reader.rejected_lines()
    assert "2 points cannot be unpacked" in rejected.reason


async def test_bisecting_is_bounded(tmp_path: Path) -> None:
    """A batch full of bad lines gives way after some writes; what is rejected stays rejected."""
    database = RecordingDatabase(
        lambda text: WriteResult(Fate.REJECT, "400 bad") if b"sample,host=b" in text else ACCEPT
    )
    async with bed(tmp_path, database, [], spool_limits=SpoolLimits(BatchLimits(1_000))) as (
        store,
        _,
        delivery,
    ):
        await store.commit(RoundRecord(60, [sample(60, f"b{n}") for n in range(400)]))
        await store.commit(RoundRecord(180, [sample(180, f"b{n}") for n in range(400)]))
        await store.commit(RoundRecord(180, [sample(180, "good")]))
        left = await delivery.finish(60)
        report = await delivery.report(180, 0)
    assert left.batches == 0
    assert (report.points_rejected, report.points_delivered) == (800, 1)
    assert max(len(list(run)) for _, run in groupby(database.times)) <= 258


async def test_rejected_lines_are_tried_again(tmp_path: Path) -> None:
    """Lines that were rejected wait again whole, those with line breaks in them too."""
    note = 'two\nlines "and" more'
    bad = RecordingDatabase(lambda _: WriteResult(Fate.REJECT, "400 bad"))
    async with bed(tmp_path, bad, []) as (store, _, delivery):
        await store.commit(RoundRecord(60, [sample(60, note=note), sample(60, "beta")]))
        await delivery.finish(10)
        assert await store.retry_rejected(BatchLimits()) == 2
        lines = (await queued(store)).batch.lines()
    assert len(lines) == 2
    assert sorted(lines)[0].startswith(b"sample,host=alpha ")


@pytest.mark.parametrize(
    "lines",
    [
        [b"a x=1 1\n", b"b x=2 2\n"],
        [b'a,t=it"s s="one\ntwo" 1\n', b'a s="\\"\n\\\\" 2\n', b"a x=1 3\n"],
        [b'a,t=a\\ b\\,c s="\n",u="\n" 1\n', b"b x=1 1\n"],
        [],
    ],
    ids=["plain", "quotes", "escapes", "none"],
)
def test_split_lines(lines: list[bytes]) -> None:
    """Lines are separated, though a line break may stand in a text."""
    assert split_lines(b"".join(lines), len(lines)) == lines
    assert Batch.pack(60, lines).lines() == lines
