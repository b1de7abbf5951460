"""What a round becomes on every generation of InfluxDB, whatever happens on the way."""

from __future__ import annotations

import asyncio
import gzip
import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from collector.influx.batch_sender import BatchSender
from collector.influx.client import open_influxdb
from collector.influx.delivery import Delivery
from collector.influx.generation import Generation
from collector.influx.target import Target
from collector.influx.write_result import Fate
from collector.model.batch import Batch, BatchLimits
from collector.schema.round_record import RoundRecord
from collector.store import Reader, SpoolLimits
from collector.text import clean
from tests.support.delivery_bed import (
    CONTEXT,
    QUICK,
    WITHIN_SECONDS,
    open_delivery_bed,
    queued,
)
from tests.support.hostile_text import HONEST, PAYLOADS
from tests.support.influx_bucket import InfluxBucket
from tests.support.proxy import Fault, Response, Step, TooLarge
from tests.support.sample_points import Sample, Total, sample

NOW = 1_800_000_000
"""A moment of these tests; far enough from any that a server would think old."""


def crowd(time: int, count: int = 300) -> list[Sample]:
    """A round."""
    return [sample(time, f"host {n:04}", requests=n, load=n / 8) for n in range(count)]


def expected(points: Sequence[Sample]) -> list[dict[str, object]]:
    """The rows of these points, as a server shows them."""
    return [
        {"time": p.time, "host": p.host, "requests": p.requests, "load": p.load} for p in points
    ]


async def test_round_arrives(bucket: InfluxBucket, tmp_path: Path) -> None:
    """Every point is there once, with its values, and sending it again changes nothing."""
    async with open_delivery_bed(tmp_path, bucket, SpoolLimits(BatchLimits(100))) as bed:
        bed.delivery.start()
        for _ in range(2):
            await bed.store.commit(RoundRecord(NOW, [*crowd(NOW), Total(time=NOW, value=1.0)]))
            await bed.spool.emptied()
        report = await bed.delivery.report(NOW, 0)
    assert bucket.rows() == expected(crowd(NOW))
    assert bucket.rows("total") == [{"time": NOW, "value": 1.0}]
    assert (report.connected, report.points_delivered, report.points_rejected) == (True, 602, 0)
    assert (report.backlog_points, report.backlog_bytes, report.backlog_seconds) == (0, 0, 0)


async def test_odd_text_arrives(bucket: InfluxBucket, tmp_path: Path) -> None:
    """Text is read back as it was, but for line breaks, which are spaces; bisected or not."""
    odd = [
        sample(NOW, 'a,b=c "d"', note='say "hi"\\'),
        sample(NOW, "Zürich 日本", note="two\nlines, and one more\n"),
    ]
    bucket.write(f'sample,host=beta note="fair",load=1 {NOW}')
    async with open_delivery_bed(tmp_path, bucket) as bed:
        await bed.store.commit(RoundRecord(NOW, odd))
        assert len((await queued(bed.store)).batch.lines()) == 2
        left = await bed.delivery.finish(WITHIN_SECONDS)
    assert left.batches == 0
    assert [(row["host"], row["note"]) for row in bucket.rows()] == sorted(
        [
            ("beta", "fair"),
            ('a,b=c "d"', 'say "hi"\\'),
            ("Zürich 日本", "two lines, and one more "),
        ]
    )


async def test_names_of_strangers_arrive(bucket: InfluxBucket, tmp_path: Path) -> None:
    """Each is one point of one series, and is read back as it was cleaned."""
    names = sorted({clean(text) for text in (*PAYLOADS.values(), *HONEST)} - {""})
    async with open_delivery_bed(tmp_path, bucket) as bed:
        points = [sample(NOW, name, note=name) for name in names]
        await bed.store.commit(RoundRecord(NOW, points))
        left = await bed.delivery.finish(WITHIN_SECONDS)
    assert left.batches == 0
    rows = [(row["host"], row["note"]) for row in bucket.rows()]
    assert sorted(rows) == [(name, name) for name in names]


@pytest.mark.parametrize(
    "step",
    [
        Response(429, headers={"Retry-After": "0"}),
        Response(503),
        Response(500),
        Response(502, "<html>bad gateway</html>"),
        Response(401, '{"code":"unauthorized","message":"unauthorized access"}'),
        Response(403),
        Response(302, headers={"Location": "http://127.0.0.1:1/"}),
        Fault.RESET,
        Fault.RESET_AFTER,
        Fault.HALF,
        Fault.GARBAGE,
    ],
    ids=lambda step: step.value if isinstance(step, Fault) else str(step.status),
)
async def test_trouble_passes(step: Step, bucket: InfluxBucket, tmp_path: Path) -> None:
    """Whatever a write meets, nothing is lost and nothing doubled once it passes."""
    async with open_delivery_bed(tmp_path, bucket, SpoolLimits(BatchLimits(150))) as bed:
        bed.proxy.next_writes.extend([step, step, None, step])
        bed.delivery.start()
        for time in (NOW, NOW + 60):
            await bed.store.commit(RoundRecord(time, crowd(time)))
        await bed.spool.emptied()
        assert bed.delivery.status.ready
        assert len(bed.proxy.writes) == 4 + 3
    assert bucket.rows() == expected([*crowd(NOW), *crowd(NOW + 60)])


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, "<html><title>Sign in</title></html>"),
        Response(200, '{"error":"session expired"}'),
        Response(400, "<html>bad request</html>"),
        Response(400, '{"error":"bad request"}'),
        Response(422, ""),
        Response(413),
        Response(307, headers={"Location": "/elsewhere"}),
    ],
    ids=["page", "JSON", "400 page", "400 JSON", "422", "413", "redirect"],
)
async def test_somebody_else_answers(
    answer: Response, bucket: InfluxBucket, tmp_path: Path
) -> None:
    """While somebody between refuses or swallows everything, all is kept, and it is told."""
    async with open_delivery_bed(tmp_path, bucket) as bed:
        bed.proxy.always = answer
        for time in (NOW, NOW + 60):
            await bed.store.commit(RoundRecord(time, crowd(time, 40)))
        assert (await bed.delivery.finish(WITHIN_SECONDS)).points == 80
        report = await bed.delivery.report(NOW + 60, 0)
        assert len(bed.proxy.writes) <= 9
    assert (report.connected, report.points_delivered, report.points_rejected) == (False, 0, 0)
    assert "operator action required" in bed.delivery.status.problem
    async with open_delivery_bed(tmp_path, bucket) as bed:
        left = await bed.delivery.finish(WITHIN_SECONDS)
        assert (left.points, bed.delivery.status.ready) == (0, True)
    assert bucket.rows() == expected([*crowd(NOW, 40), *crowd(NOW + 60, 40)])


WRONG = {
    "1.6": {
        "/short": "400 database is required. Check `bucket`; `crn-collector init-store`",
        "nowhere": '404 database not found: "nowhere". Check `bucket`; `crn-collector init-store`',
        "{name}/short": "500 retention policy not found: short. Check `bucket`; `crn-collector in",
    },
    "1.8": {
        "/short": "404 bucket name",
        "nowhere": '404 database not found: "nowhere". Check `bucket`; `crn-collector init-store`',
        "{name}/short": "500 retention policy not found: short. Check `bucket`; `crn-collector in",
    },
    "2.7": {"nowhere": '404 bucket "nowhere" not found. Check `bucket`'},
}


async def test_request_is_refused(bucket: InfluxBucket, tmp_path: Path) -> None:
    """What is wrong with the request costs no line, and is told with what to do about it."""
    if bucket.kind not in WRONG:
        pytest.skip("3.x takes any bucket and ignores the organisation")
    wrong: list[tuple[Target, str, Generation | None]] = [
        (replace(bucket.target, bucket=name.format(name=bucket.name)), words, None)
        for name, words in WRONG[bucket.kind].items()
    ]
    if bucket.kind == "2.7":
        no_org, other = replace(bucket.target, org=""), replace(bucket.target, org="x")
        words = "400 Please provide either orgID or org. Set `org`"
        wrong.append((no_org, words, Generation.V3))  # which sends an empty one
        wrong.append((no_org, "InfluxDB 2 needs an organisation. Set `org`", None))
        wrong.append((other, '404 organization name "x" not found. Set `org`', None))
    async with open_delivery_bed(tmp_path, bucket) as bed:
        await bed.store.commit(RoundRecord(NOW, crowd(NOW, 40)))
        for target, words, generation in wrong:
            async with open_influxdb(target, CONTEXT, WITHIN_SECONDS, generation) as database:
                delivery = Delivery(bed.spool, database, "http://db", QUICK)
                assert (await delivery.finish(WITHIN_SECONDS)).points == 40
                assert words in delivery.status.problem
                assert not delivery.status.ready
        assert (await bed.delivery.finish(WITHIN_SECONDS)).points == 0
        with Reader(bed.directory) as reader:
            assert reader.rejected_lines() == []
    assert bucket.rows() == expected(crowd(NOW, 40))


async def test_every_line_is_bad(bucket: InfluxBucket, tmp_path: Path) -> None:
    """A round of which every line is bad for the same reason is rejected, and holds up no other."""
    bucket.write(f"sample,host=beta requests=1.5 {NOW - 60}")
    good = [sample(NOW + 60, f"{n:04}", requests=None, load=1.0) for n in range(40)]
    async with open_delivery_bed(tmp_path, bucket) as bed:
        await bed.store.commit(RoundRecord(NOW, crowd(NOW, 40)))
        bed.delivery.start()
        await bed.spool.emptied()
        lost = await bed.delivery.report(NOW, 0)
        await bed.store.commit(RoundRecord(NOW + 60, good))
        await bed.spool.emptied()
        after = await bed.delivery.report(NOW + 60, 0)
        if bucket.kind != "3":
            assert len(bed.proxy.writes) == 2
    assert (lost.connected, lost.points_delivered, lost.points_rejected) == (False, 0, 40)
    assert (after.connected, after.points_delivered, after.points_rejected) == (True, 40, 0)


async def test_hang(bucket: InfluxBucket, tmp_path: Path) -> None:
    """A server that never answers is left after the time limit; a round is stored meanwhile."""
    async with open_delivery_bed(tmp_path, bucket, timeout_seconds=0.5) as bed:
        bed.proxy.next_writes.append(Fault.HANG)
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
    assert bucket.rows() == expected([*crowd(NOW), *crowd(NOW + 60)])


@pytest.mark.parametrize("reset", [False, True], ids=["413", "reset"])
async def test_too_large(reset: bool, bucket: InfluxBucket, tmp_path: Path) -> None:
    """A body that is too large is split until it is taken, also if the server just hangs up."""
    chance = random.Random(1)
    noise = [sample(NOW, f"{n:04}", note=chance.randbytes(300).hex()) for n in range(2_000)]
    async with open_delivery_bed(tmp_path, bucket, SpoolLimits(BatchLimits(10_000))) as bed:
        await bed.store.commit(RoundRecord(NOW, noise))
        largest = (await bed.store.backlog()).bytes
        bed.proxy.limit = TooLarge(max(largest // 3, 70_000), reset)
        assert largest > 2 * bed.proxy.limit.bytes
        left = await bed.delivery.finish(WITHIN_SECONDS)
        assert left.batches == 0
        assert len(bed.proxy.writes) > 2
    assert len(bucket.rows()) == 2_000


async def test_bad_lines_are_found(bucket: InfluxBucket, tmp_path: Path) -> None:
    """Lines of the wrong type are rejected with the server's message; all others are accepted."""
    bucket.write(f"sample,host=beta requests=1.5 {NOW - 60}")
    bad = {7, 8, 250}
    points = [
        sample(NOW, f"{n:04}", requests=1 if n in bad else None, load=1.0) for n in range(300)
    ]
    async with open_delivery_bed(tmp_path, bucket) as bed:
        await bed.store.commit(RoundRecord(NOW, points))
        left = await bed.delivery.finish(WITHIN_SECONDS)
        report = await bed.delivery.report(NOW, 0)
        with Reader(bed.directory) as reader:
            kept = reader.rows("SELECT line, reason, store, time, measurement FROM rejected")
    assert left.batches == 0
    assert (report.points_delivered, report.points_rejected) == (297, 3)
    assert {int(row["host"]) for row in bucket.rows() if row["time"] == NOW} == (
        set(range(300)) - bad
    )
    assert {row["line"] for row in kept} == {
        f"sample,host={n:04} load=1.0,requests=1i {NOW}" for n in bad
    }
    assert {(row["store"], row["time"], row["measurement"]) for row in kept} == {
        ("influxdb", NOW, "sample")
    }
    assert all(row["reason"].startswith(("400 ", "422 ")) for row in kept)


async def test_unreadable_line_is_found(bucket: InfluxBucket, tmp_path: Path) -> None:
    """A line that cannot be parsed costs no other, though 3.x does not even name it."""
    lines = [f"sample,host={n:03} load=1 {NOW}\n".encode() for n in range(40)]
    lines[17] = b"sample,host= load=1\n"
    async with open_delivery_bed(tmp_path, bucket) as bed:
        sender = BatchSender(Batch.pack(NOW, lines), bed.database.write)
        assert await sender.send() is None
    assert [line for line, _ in sender.result.rejected] == ["sample,host= load=1"]
    assert sender.result.accepted == 39
    assert len(bucket.rows()) == 39


async def test_conflict_within_a_batch(bucket: InfluxBucket, tmp_path: Path) -> None:
    """Of two types for one new field, one is accepted and the other is rejected."""
    lines = [f"fresh,host={n} v={n}{'i' if n % 2 else ''} {NOW}\n".encode() for n in range(6)]
    async with open_delivery_bed(tmp_path, bucket) as bed:
        sender = BatchSender(Batch.pack(NOW, lines), bed.database.write)
        assert await sender.send() is None
    assert (sender.result.accepted, len(sender.result.rejected)) == (3, 3)
    assert len(bucket.rows("fresh")) == 3


async def test_older_than_retention(missing_bucket: InfluxBucket, tmp_path: Path) -> None:
    """Points older than the database keeps are counted as dropped and hold up nothing."""
    if missing_bucket.kind == "3":
        pytest.skip("3.x takes points of any age")
    missing_bucket.create(days=1)
    old, late = crowd(1_000_000_000, 15), crowd(1_000_000_000, 5)
    async with open_delivery_bed(tmp_path, missing_bucket, SpoolLimits(days=100_000)) as bed:
        await bed.store.commit(RoundRecord(1_000_000_000, old))
        await bed.store.commit(RoundRecord(NOW, [*late, *crowd(NOW, 10)]))
        left = await bed.delivery.finish(WITHIN_SECONDS)
        report = await bed.delivery.report(NOW, 0)
    assert left.batches == 0
    assert (report.points_delivered, report.points_dropped, report.points_rejected) == (10, 20, 0)
    assert len(missing_bucket.rows()) == 10


async def test_no_bucket(
    missing_bucket: InfluxBucket, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a bucket everything is kept and one error says what to do; 3.x creates it by
    itself, which is logged."""
    async with open_delivery_bed(tmp_path, missing_bucket) as bed:
        bed.delivery.start()
        await bed.store.commit(RoundRecord(NOW, crowd(NOW)))
        await bed.proxy.after(1)
        if missing_bucket.kind == "3":
            await bed.spool.emptied()
            assert "has created it" in caplog.text
        else:
            await bed.proxy.after(4)
            assert not bed.delivery.status.ready
            assert "init-store" in bed.delivery.status.problem
            errors = [r.levelno for r in caplog.records if r.name.endswith("database_status")]
            assert errors == [logging.ERROR]
            missing_bucket.create()
            await bed.spool.emptied()
        assert bed.delivery.status.ready
    assert missing_bucket.rows() == expected(crowd(NOW))


async def test_shutdown(bucket: InfluxBucket, tmp_path: Path) -> None:
    """What a hanging server does not take in time stays, and the next start delivers it."""
    async with open_delivery_bed(tmp_path, bucket) as bed:
        bed.proxy.always = Fault.HANG
        await bed.store.commit(RoundRecord(NOW, crowd(NOW)))
        left = await bed.delivery.finish(0.2)
        assert left.points == 300
    async with open_delivery_bed(tmp_path, bucket) as bed:
        bed.delivery.start()
        await bed.spool.emptied()
    assert bucket.rows() == expected(crowd(NOW))


async def test_killed_while_sending(bucket: InfluxBucket, tmp_path: Path) -> None:
    """A write that arrived but was never acknowledged is sent again, and is there once."""
    async with open_delivery_bed(tmp_path, bucket) as bed:
        await bed.store.commit(RoundRecord(NOW, crowd(NOW)))
        batch = (await queued(bed.store)).batch
        assert (await bed.database.write(batch.body)).fate is Fate.ACCEPT
    async with open_delivery_bed(tmp_path, bucket) as bed:
        assert (await bed.store.backlog()).points == 300
        await bed.delivery.finish(WITHIN_SECONDS)
    assert bucket.rows() == expected(crowd(NOW))


async def test_server_comes_back(bucket: InfluxBucket, tmp_path: Path) -> None:
    """While nothing listens rounds wait; then the newest goes first."""
    async with open_delivery_bed(tmp_path, bucket) as bed:
        bed.proxy.always = Response(503)
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
    assert bucket.rows() == expected([p for time in times for p in crowd(time, 10)])


async def test_round_is_never_delayed(bucket: InfluxBucket, tmp_path: Path) -> None:
    """A commit takes no longer for a database that hangs."""
    async with open_delivery_bed(tmp_path, bucket) as bed:
        bed.proxy.always = Fault.HANG
        bed.delivery.start()
        async with asyncio.timeout(WITHIN_SECONDS / 2):
            for number in range(20):
                await bed.store.commit(RoundRecord(NOW + 60 * number, crowd(NOW + 60 * number, 10)))
        assert (await bed.store.backlog()).points == 200
