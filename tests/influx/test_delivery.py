"""Delivery against a database of the test's own: order, fairness, limits, and what it says."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path

import pytest

from collector.influx.backoff import Backoff
from collector.influx.delivery import Delivery
from collector.influx.write_result import Fate, WriteResult
from collector.model.batch import Batch, BatchLimits, split
from collector.model.queue import Ack
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader
from collector.store.maintenance import purge, retry_rejected
from collector.store.spool import SpoolLimits
from tests.influx.conftest import QUICK, Watched

from tests.support.disk_weather import ALL, weather  # isort: skip

ACCEPT, DOWN = WriteResult(Fate.ACCEPT), WriteResult(Fate.KEEP, "503 down")


class Recorder:
    """A database that answers as it is told and remembers the round of each write."""

    def __init__(self, answer: Callable[[bytes], WriteResult] = lambda _: ACCEPT) -> None:
        self.answer = answer
        self.times: list[int] = []
        self.accepted: list[bytes] = []

    async def write(self, body: bytes) -> WriteResult:
        text = gzip.decompress(body)
        self.times.append(int(text.rsplit(b" ", 1)[1]))
        answer = self.answer(text)
        if answer.fate is Fate.ACCEPT:
            self.accepted += text.splitlines()
        return answer


@asynccontextmanager
async def bed(
    directory: Path,
    database: Recorder,
    rounds: Sequence[int],
    *,
    count: int = 4,
    spool_limits: SpoolLimits = SpoolLimits(BatchLimits(2)),  # noqa: B008
    backoff: Backoff = QUICK,
) -> AsyncIterator[tuple[EmbeddedStore, Watched, Delivery]]:
    """A store with some rounds that wait, and delivery that was not started."""
    async with await EmbeddedStore.open(directory, ALL, 1e6, spool_limits=spool_limits) as store:
        for time in rounds:
            await store.commit(RoundRecord(time, [weather(time, f"c{n}") for n in range(count)]))
        spool = Watched(store)
        delivery = Delivery(spool, database, "http://db", backoff)
        yield store, spool, delivery
        await delivery.stop()


async def test_newest_and_oldest_take_turns(tmp_path: Path) -> None:
    """The newest round begins, the oldest follows, and so on: neither starves."""
    database = Recorder()
    async with bed(tmp_path, database, [60, 120, 180, 240]) as (_, _, delivery):
        await delivery.finish(10)
    assert database.times == [240, 60, 240, 60, 180, 120, 180, 120]


async def test_new_round_goes_first(tmp_path: Path) -> None:
    """A round that comes while nothing waited is sent at once."""
    database = Recorder()
    async with bed(tmp_path, database, []) as (store, spool, delivery):
        delivery.start()
        for time in (60, 120):
            await store.commit(RoundRecord(time, [weather(time)]))
            await spool.emptied()
    assert database.times == [60, 120]


async def test_piece_that_breaks_the_database(tmp_path: Path) -> None:
    """A write on which the database breaks every time holds up no other."""
    ill = WriteResult(Fate.KEEP, "500 panic", ill=True)
    database = Recorder(lambda text: ill if b"c3" in text else ACCEPT)
    times = list(range(60, 660, 60))
    async with bed(tmp_path, database, times) as (store, spool, delivery):
        delivery.start()
        await spool.left(20)
        assert (await store.backlog()).points == 20
    assert sorted({int(line.rsplit(b" ", 1)[1]) for line in database.accepted}) == times


async def test_retry_after_is_honoured(tmp_path: Path) -> None:
    """A database that asks for time is left alone until it is over."""
    asked = asyncio.Event()

    def busy(_: bytes) -> WriteResult:
        asked.set()
        return WriteResult(Fate.KEEP, "429 slow down", retry_after_seconds=600.0)

    database = Recorder(busy)
    async with bed(tmp_path, database, [60]) as (store, _, delivery):
        delivery.start()
        await asked.wait()
        for time in (120, 180):
            await store.commit(RoundRecord(time, [weather(time)]))
        assert database.times == [60]
        assert not delivery.standing.ready
        assert "429 slow down" in delivery.standing.problem


async def test_finish_tries_once_more(tmp_path: Path) -> None:
    """Who stops during a back-off asks once more, and stops at the first failure."""
    asked = asyncio.Event()

    def down(_: bytes) -> WriteResult:
        asked.set()
        return DOWN

    database = Recorder(down)
    async with bed(tmp_path, database, [60, 120], backoff=Backoff(600, 600)) as (_, _, delivery):
        delivery.start()
        await asked.wait()
        left = await delivery.finish(20)
    assert (left.points, len(database.times)) == (8, 2)


async def test_says_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An outage is one warning and its end another, however often it was tried."""
    database = Recorder(lambda _: DOWN if len(database.times) < 10 else ACCEPT)
    caplog.set_level(logging.INFO)
    async with bed(tmp_path, database, [60]) as (_, spool, delivery):
        delivery.start()
        await spool.emptied()
    assert [r.getMessage() for r in caplog.records] == [
        "InfluxDB at http://db does not take points now: 503 down. Nothing is lost: points wait "
        "in the spool",
        "InfluxDB at http://db takes points again",
    ]


async def test_report_counts_since_the_last(tmp_path: Path) -> None:
    """Each report counts from the one before; the backlog is what waits now."""
    database = Recorder(lambda text: ACCEPT if text.endswith(b" 60\n") else DOWN)
    async with bed(tmp_path, database, [60]) as (store, spool, delivery):
        delivery.start()
        await spool.emptied()
        await store.commit(RoundRecord(120, [weather(120)]))
        first = await delivery.report(180, 7)
        second = await delivery.report(240, 0)
    assert (first.points_delivered, first.points_dropped, first.backlog_points) == (4, 7, 1)
    assert (first.backlog_seconds, second.backlog_seconds) == (60, 120)
    assert (second.points_delivered, second.points_dropped) == (0, 0)
    assert first.backlog_bytes > 0


async def test_spool_is_bounded_by_bytes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the limit the oldest rounds are given up, counted, and told of once."""
    async with bed(tmp_path, Recorder(), [60]) as (store, _, _):
        one = (await store.backlog()).bytes
    spool_limits = SpoolLimits(BatchLimits(2), bytes=one * 3)
    async with bed(tmp_path, Recorder(), [], spool_limits=spool_limits) as (store, _, _):
        receipts = [
            await store.commit(RoundRecord(t, [weather(t, f"c{n}") for n in range(4)]))
            for t in range(120, 420, 60)
        ]
        left = await store.backlog()
    assert sum(r.unsent for r in receipts) == 24 - left.points
    assert left.bytes <= one * 3
    assert left.oldest is not None
    assert left.oldest > 60
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "The spool is full" in caplog.text


async def test_spool_is_bounded_by_age(tmp_path: Path) -> None:
    """A round that waited longer than the limit is given up, and the newest never."""
    async with bed(tmp_path, Recorder(), [60], spool_limits=SpoolLimits(days=1, bytes=1)) as (
        store,
        _,
        _,
    ):
        assert (await store.backlog()).points == 4
        receipt = await store.commit(RoundRecord(60 + 86_401, [weather(60 + 86_401)]))
        assert (receipt.unsent, (await store.backlog()).points) == (4, 1)


async def test_clock_that_jumps(tmp_path: Path) -> None:
    """One round with a date far ahead does not age out all that waits."""
    rounds = range(60, 60 * 41, 60)
    async with bed(tmp_path, Recorder(), rounds, spool_limits=SpoolLimits(days=1)) as (store, _, _):
        receipt = await store.commit(RoundRecord(10**9, [weather(10**9)]))
        back = await store.commit(RoundRecord(60 * 41, [weather(60 * 41)]))
        assert (receipt.unsent, back.unsent) == (4 * 4, 0)
        assert (await store.backlog()).points == 36 * 4 + 2


async def test_disk_that_is_full_after_delivery(small_disk: Path) -> None:
    """What was delivered while the disk took nothing is remembered, and not sent again."""
    database = Recorder()
    ballast = small_disk / "ballast"
    async with bed(small_disk / "data", database, [60, 120]) as (store, _, delivery):
        _fill(ballast)
        await delivery.finish(10)
        assert sorted(database.times) == [60, 60, 120, 120]
        assert await store.take(True) is None
        ballast.unlink()
        assert (await store.commit(RoundRecord(180, [weather(180)]))).stored
        assert (await store.backlog()).points == 1


def _fill(ballast: Path) -> None:
    """Leave no byte free."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


async def test_settled_twice(tmp_path: Path) -> None:
    """A piece that was given up meanwhile is not brought back by what is left of it."""
    async with bed(tmp_path, Recorder(), [60]) as (store, _, _):
        taken = await store.take(True)
        assert taken
        await store.change(lambda c: purge(c, None))
        await store.settle(Ack(taken.id, 60, (), [taken.batch]))
        assert (await store.backlog()).batches == 0


async def test_unreadable_piece(tmp_path: Path) -> None:
    """A piece that cannot be unpacked is kept apart by name, and the next one follows."""
    database = Recorder()

    async def write(body: bytes) -> WriteResult:
        return (
            WriteResult(Fate.REJECT, "400 gzip")
            if body == b"?"
            else await Recorder.write(database, body)
        )

    database.write = write  # type: ignore[method-assign]
    async with bed(tmp_path, database, [60, 120], count=2) as (store, _, delivery):
        await store.change(lambda c: c.execute("UPDATE spool SET body = '?' WHERE time = 60"))
        await store.change(
            lambda c: c.execute("UPDATE spool SET body = CAST(body AS BLOB) WHERE time = 60")
        )
        left = await delivery.finish(10)
        assert left.batches == 0
    with Reader(tmp_path) as reader:
        (kept,) = reader.rows("SELECT reason FROM rejected")
    assert "2 points cannot be unpacked" in kept["reason"]


async def test_bisecting_is_bounded(tmp_path: Path) -> None:
    """A piece full of bad lines gives way after some writes; what is settled stays settled."""
    database = Recorder(
        lambda text: WriteResult(Fate.REJECT, "400 bad") if b"weather,city=b" in text else ACCEPT
    )
    async with bed(tmp_path, database, [], spool_limits=SpoolLimits(BatchLimits(1_000))) as (
        store,
        _,
        delivery,
    ):
        await store.commit(RoundRecord(60, [weather(60, f"b{n}") for n in range(400)]))
        await store.commit(RoundRecord(180, [weather(180, f"b{n}") for n in range(400)]))
        await store.commit(RoundRecord(180, [weather(180, "good")]))
        left = await delivery.finish(60)
        report = await delivery.report(180, 0)
    assert left.batches == 0
    assert (report.points_rejected, report.points_delivered) == (800, 1)
    assert max(len(list(run)) for _, run in groupby(database.times)) <= 258


async def test_rejected_lines_are_tried_again(tmp_path: Path) -> None:
    """Lines that were refused go back whole, those with line breaks in them too."""
    sky = 'two\nlines "and" more'
    bad = Recorder(lambda _: WriteResult(Fate.REJECT, "400 bad"))
    async with bed(tmp_path, bad, []) as (store, _, delivery):
        await store.commit(RoundRecord(60, [weather(60, sky=sky), weather(60, "Ghent")]))
        await delivery.finish(10)
        assert await store.change(lambda c: retry_rejected(c, BatchLimits())) == 2
        taken = await store.take(True)
        assert taken
        lines = taken.batch.lines()
    assert len(lines) == 2
    assert sorted(lines)[0].startswith(b"weather,city=Delft ")


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
def test_split(lines: list[bytes]) -> None:
    """Lines are told apart, though a line break may stand in a text."""
    assert split(b"".join(lines), len(lines)) == lines
    assert Batch.pack(60, lines).lines() == lines
