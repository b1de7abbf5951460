"""What a round becomes on every generation of InfluxDB, whatever happens on the way."""

from __future__ import annotations

import asyncio
import gzip
import logging
import random
from collections.abc import Sequence

import pytest

from collector.influx.batch_sender import BatchSender
from collector.influx.write_result import Fate
from collector.model.batch import Batch, BatchLimits
from collector.schema.round_record import RoundRecord
from collector.store import Reader
from collector.store.spool import SpoolLimits
from tests.influx.conftest import WITHIN_SECONDS, OpenBed, Server
from tests.support.proxy import Fault, Says, Step, TooLarge

from tests.support.disk_weather import Tide, Weather, weather  # isort: skip

NOW = 1_800_000_000
"""A moment of these tests; far enough from any that a server would think old."""


def crowd(time: int, count: int = 300) -> list[Weather]:
    """A round."""
    return [weather(time, f"city {n:04}", drops=n, degrees=n / 8) for n in range(count)]


def expected(points: Sequence[Weather]) -> list[dict[str, object]]:
    """The rows of these points, as a server shows them."""
    return [
        {"time": p.time, "city": p.city, "drops": p.drops, "degrees": p.degrees} for p in points
    ]


async def test_round_arrives(server: Server, open_bed: OpenBed) -> None:
    """Every point is there once, with its values, and sending it again changes nothing."""
    async with open_bed(server, spool_limits=SpoolLimits(BatchLimits(100))) as bed:
        bed.delivery.start()
        for _ in range(2):
            await bed.store.commit(RoundRecord(NOW, [*crowd(NOW), Tide(time=NOW, metres=1.0)]))
            await bed.spool.emptied()
        report = await bed.delivery.report(NOW, 0)
    assert server.rows() == expected(crowd(NOW))
    assert server.rows("tide") == [{"time": NOW, "metres": 1.0}]
    assert (report.connected, report.points_delivered, report.points_rejected) == (True, 602, 0)
    assert (report.backlog_points, report.backlog_bytes, report.backlog_seconds) == (0, 0, 0)


async def test_odd_text_arrives(server: Server, open_bed: OpenBed) -> None:
    """What line protocol must escape is read back as it was, bisected or not."""
    odd = [
        weather(NOW, 'a,b=c "d"', sky='say "hi"\\'),
        weather(NOW, "Zürich 日本", sky="two\nlines, and one more\n"),
    ]
    server.write(f'weather,city=Ghent sky="fair",degrees=1 {NOW}')
    async with open_bed(server) as bed:
        await bed.store.commit(RoundRecord(NOW, odd))
        assert len((await bed.store.take(True)).batch.lines()) == 2
        left = await bed.delivery.finish(WITHIN_SECONDS)
    assert left.batches == 0
    assert [(row["city"], row["sky"]) for row in server.rows()] == [
        ("Ghent", "fair"),
        *((p.city, p.sky) for p in sorted(odd, key=lambda p: p.city)),
    ]


@pytest.mark.parametrize(
    "step",
    [
        Says(429, headers={"Retry-After": "0"}),
        Says(503),
        Says(500),
        Says(502, "<html>bad gateway</html>"),
        Says(401, '{"code":"unauthorized","message":"unauthorized access"}'),
        Says(403),
        Says(302, headers={"Location": "http://127.0.0.1:1/"}),
        Fault.RESET,
        Fault.RESET_AFTER,
        Fault.HALF,
        Fault.GARBAGE,
    ],
    ids=lambda step: step.value if isinstance(step, Fault) else str(step.status),
)
async def test_trouble_passes(step: Step, server: Server, open_bed: OpenBed) -> None:
    """Whatever a write meets, nothing is lost and nothing doubled once it passes."""
    async with open_bed(server, spool_limits=SpoolLimits(BatchLimits(150))) as bed:
        bed.proxy.todo.extend([step, step, None, step])
        bed.delivery.start()
        for time in (NOW, NOW + 60):
            await bed.store.commit(RoundRecord(time, crowd(time)))
        await bed.spool.emptied()
        assert bed.delivery.standing.ready
        assert len(bed.proxy.writes) == 4 + 3
    assert server.rows() == expected([*crowd(NOW), *crowd(NOW + 60)])


async def test_hang(server: Server, open_bed: OpenBed) -> None:
    """A server that never answers is left after the time limit; a round is stored meanwhile."""
    async with open_bed(server, timeout_seconds=0.5) as bed:
        bed.proxy.todo.append(Fault.HANG)
        bed.delivery.start()
        await bed.store.commit(RoundRecord(NOW, crowd(NOW)))
        await bed.proxy.after(1)
        receipt = await bed.store.commit(RoundRecord(NOW + 60, crowd(NOW + 60)))
        with Reader(bed.directory) as reader:
            waiting = reader.rows("SELECT time, body FROM spool ORDER BY time")
        assert receipt.stored
        assert [row["time"] for row in waiting] == [NOW, NOW + 60]
        assert gzip.decompress(waiting[0]["body"]).count(b"\n") == 300
        await bed.spool.emptied()
    assert server.rows() == expected([*crowd(NOW), *crowd(NOW + 60)])


@pytest.mark.parametrize("reset", [False, True], ids=["413", "reset"])
async def test_too_large(reset: bool, server: Server, open_bed: OpenBed) -> None:
    """A body that is too large is split until it is taken, also if the server just hangs up."""
    chance = random.Random(1)
    noise = [weather(NOW, f"{n:04}", sky=chance.randbytes(300).hex()) for n in range(2_000)]
    async with open_bed(server, spool_limits=SpoolLimits(BatchLimits(10_000))) as bed:
        await bed.store.commit(RoundRecord(NOW, noise))
        largest = (await bed.store.backlog()).bytes
        bed.proxy.limit = TooLarge(max(largest // 3, 70_000), reset)
        assert largest > 2 * bed.proxy.limit.bytes
        left = await bed.delivery.finish(WITHIN_SECONDS)
        assert left.batches == 0
        assert len(bed.proxy.writes) > 2
    assert len(server.rows()) == 2_000


async def test_bad_lines_are_found(server: Server, open_bed: OpenBed) -> None:
    """Lines of the wrong type are kept apart with the server's words; all others go in."""
    server.write(f"weather,city=Ghent drops=1.5 {NOW - 60}")
    bad = {7, 8, 250}
    points = [
        weather(NOW, f"{n:04}", drops=1 if n in bad else None, degrees=1.0) for n in range(300)
    ]
    async with open_bed(server) as bed:
        await bed.store.commit(RoundRecord(NOW, points))
        left = await bed.delivery.finish(WITHIN_SECONDS)
        report = await bed.delivery.report(NOW, 0)
        with Reader(bed.directory) as reader:
            kept = reader.rows("SELECT line, reason, store, time, measurement FROM rejected")
    assert left.batches == 0
    assert (report.points_delivered, report.points_rejected) == (297, 3)
    assert {int(row["city"]) for row in server.rows() if row["time"] == NOW} == (
        set(range(300)) - bad
    )
    assert {row["line"] for row in kept} == {
        f"weather,city={n:04} degrees=1.0,drops=1i {NOW}" for n in bad
    }
    assert {(row["store"], row["time"], row["measurement"]) for row in kept} == {
        ("influxdb", NOW, "weather")
    }
    assert all(row["reason"].startswith(("400 ", "422 ")) for row in kept)


async def test_unreadable_line_is_found(server: Server, open_bed: OpenBed) -> None:
    """A line that cannot be parsed costs no other, though 3.x does not even name it."""
    lines = [f"weather,city={n:03} degrees=1 {NOW}\n".encode() for n in range(40)]
    lines[17] = b"weather,city= degrees=1\n"
    async with open_bed(server) as bed:
        parcel = BatchSender(Batch.pack(NOW, lines), bed.database.write)
        assert await parcel.deliver() is None
    assert [line for line, _ in parcel.outcome.rejected] == ["weather,city= degrees=1"]
    assert parcel.outcome.accepted == 39
    assert len(server.rows()) == 39


async def test_conflict_within_a_batch(server: Server, open_bed: OpenBed) -> None:
    """Of two types for one new field, one gets in and the other is kept apart."""
    lines = [f"fresh,city={n} v={n}{'i' if n % 2 else ''} {NOW}\n".encode() for n in range(6)]
    async with open_bed(server) as bed:
        parcel = BatchSender(Batch.pack(NOW, lines), bed.database.write)
        assert await parcel.deliver() is None
    assert (parcel.outcome.accepted, len(parcel.outcome.rejected)) == (3, 3)
    assert len(server.rows("fresh")) == 3


async def test_older_than_retention(empty: Server, open_bed: OpenBed) -> None:
    """Points older than the database keeps are counted as dropped and hold up nothing."""
    if empty.kind == "3":
        pytest.skip("3.x takes points of any age")
    empty.create(days=1)
    old, late = crowd(1_000_000_000, 15), crowd(1_000_000_000, 5)
    async with open_bed(empty, spool_limits=SpoolLimits(days=100_000)) as bed:
        await bed.store.commit(RoundRecord(1_000_000_000, old))
        await bed.store.commit(RoundRecord(NOW, [*late, *crowd(NOW, 10)]))
        left = await bed.delivery.finish(WITHIN_SECONDS)
        report = await bed.delivery.report(NOW, 0)
    assert left.batches == 0
    assert (report.points_delivered, report.points_dropped, report.points_rejected) == (10, 20, 0)
    assert len(empty.rows()) == 10


async def test_no_bucket(
    empty: Server, open_bed: OpenBed, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a bucket everything is kept and one message says what to do; 3.x makes it itself,
    and that is said."""
    async with open_bed(empty) as bed:
        bed.delivery.start()
        await bed.store.commit(RoundRecord(NOW, crowd(NOW)))
        await bed.proxy.after(1)
        if empty.kind == "3":
            await bed.spool.emptied()
            assert "has made it by itself" in caplog.text
        else:
            await bed.proxy.after(4)
            assert not bed.delivery.standing.ready
            assert "init-store" in bed.delivery.standing.problem
            assert [r.levelno for r in caplog.records if "standing" in r.name] == [logging.ERROR]
            empty.create()
            await bed.spool.emptied()
        assert bed.delivery.standing.ready
    assert empty.rows() == expected(crowd(NOW))


async def test_shutdown(server: Server, open_bed: OpenBed) -> None:
    """What a hanging server does not take in time stays, and the next start delivers it."""
    async with open_bed(server) as bed:
        bed.proxy.always = Fault.HANG
        await bed.store.commit(RoundRecord(NOW, crowd(NOW)))
        left = await bed.delivery.finish(0.2)
        assert left.points == 300
    async with open_bed(server) as bed:
        bed.delivery.start()
        await bed.spool.emptied()
    assert server.rows() == expected(crowd(NOW))


async def test_killed_while_sending(server: Server, open_bed: OpenBed) -> None:
    """A write that arrived but was never settled is sent again, and is there once."""
    async with open_bed(server) as bed:
        await bed.store.commit(RoundRecord(NOW, crowd(NOW)))
        taken = await bed.store.take(True)
        assert (await bed.database.write(taken.batch.body)).fate is Fate.ACCEPT
    async with open_bed(server) as bed:
        assert (await bed.store.backlog()).points == 300
        await bed.delivery.finish(WITHIN_SECONDS)
    assert server.rows() == expected(crowd(NOW))


async def test_server_comes_back(server: Server, open_bed: OpenBed) -> None:
    """While nothing listens rounds wait; then the newest goes first."""
    async with open_bed(server) as bed:
        bed.proxy.always = Says(503)
        bed.delivery.start()
        times = [NOW + 60 * n for n in range(5)]
        for time in times:
            await bed.store.commit(RoundRecord(time, crowd(time, 10)))
        await bed.proxy.after(len(bed.proxy.writes) + 2)
        failed = len(bed.spool.taken)
        bed.proxy.always = None
        await bed.spool.emptied()
        first = [taken.batch.time for taken in bed.spool.taken[failed:]][:3]
    assert times[-1] in first
    assert server.rows() == expected([p for time in times for p in crowd(time, 10)])


async def test_round_is_never_delayed(server: Server, open_bed: OpenBed) -> None:
    """A commit takes no longer for a database that hangs."""
    async with open_bed(server) as bed:
        bed.proxy.always = Fault.HANG
        bed.delivery.start()
        async with asyncio.timeout(WITHIN_SECONDS / 2):
            for number in range(20):
                await bed.store.commit(RoundRecord(NOW + 60 * number, crowd(NOW + 60 * number, 10)))
        assert (await bed.store.backlog()).points == 200
