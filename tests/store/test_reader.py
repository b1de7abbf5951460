"""Other processes read while the collector writes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from collector.errors import DataDirectoryError
from collector.model.batch import BatchLimits
from collector.model.queue import Ack
from collector.schema.column import Point, integer
from collector.schema.line_protocol import lines
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader, RejectedLine, SpoolLimits, StoreLimits
from tests.support.sample_points import ALL, Sample, Total, sample

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard(Point):
    """A measurement that the store never held."""

    MEASUREMENT: ClassVar[str] = "unheard"

    count: int | None = integer("How many")


async def test_another_process_reads_while_we_write(tmp_path: Path) -> None:
    """A round is visible to another process as soon as its commit is answered."""
    script = (
        "import json, sys; from pathlib import Path; from collector.store import Reader\n"
        "with Reader(Path(sys.argv[1])) as reader: print(json.dumps(reader.rows(sys.argv[2])))"
    )
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        for time in (60, 120):
            await store.commit(RoundRecord(time, [sample(time)]))
            answer = subprocess.run(  # noqa: ASYNC221
                [sys.executable, "-c", script, tmp_path, "SELECT max(time) AS last FROM sample"],
                cwd=ROOT,
                capture_output=True,
                check=True,
            )
            assert json.loads(answer.stdout) == [{"last": time}]


async def test_open_reader_does_not_hold_up_the_writer(tmp_path: Path) -> None:
    """Rounds are stored in the middle of somebody's long query."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(60, [sample(60), sample(60, "beta")]))
        with Reader(tmp_path) as reader:
            reader.rows("BEGIN")
            before = reader.rows("SELECT count(*) AS n FROM sample")
            assert (await store.commit(RoundRecord(120, [sample(120)]))).stored
            assert reader.rows("SELECT count(*) AS n FROM sample") == before
            reader.rows("COMMIT")
            assert reader.rows("SELECT count(*) AS n FROM sample") == [{"n": 3}]


async def test_latest_is_the_newest_of_each_series(tmp_path: Path) -> None:
    """One point per series, oldest first, none older than the span before the last round."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(60, [sample(60, "gone"), sample(60), sample(60, "slow")]))
        slow = sample(120, "slow", requests=None, load=1.0)
        await store.commit(RoundRecord(120, [slow, sample(120, requests=5)]))
        await store.commit(RoundRecord(180, [sample(180, requests=7)]))
    with Reader(tmp_path) as reader:
        assert reader.last_round() == 180
        points = reader.latest(Sample, 60)
        assert len(reader.latest(Sample, 120)) == 3
        assert reader.latest(Unheard, 60) == []
        assert reader.latest(Total, 60) == []
    assert points == [slow, sample(180, requests=7)]


async def test_latest_of_a_measurement_without_tags(tmp_path: Path) -> None:
    """A measurement without tags has one series."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        for time in (60, 120):
            await store.commit(RoundRecord(time, [Total(time=time, value=1.0)]))
    with Reader(tmp_path) as reader:
        assert reader.latest(Total, 600) == [Total(time=120, value=1.0)]


async def test_between_includes_both_ends(tmp_path: Path) -> None:
    """Points from the first to the last second that is asked for, oldest first."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        for time in (60, 120, 180, 240):
            await store.commit(RoundRecord(time, [sample(time)]))
    with Reader(tmp_path) as reader:
        assert reader.between(Sample, 120, 180) == [sample(120), sample(180)]
        assert reader.between(Sample, 121, 179) == []
        assert reader.between(Unheard, 0, 1000) == []


async def test_tags_limit_the_answer(tmp_path: Path) -> None:
    """A tag has one value or one of several; an absent tag is None again."""
    north = sample(60, "beta", region="north")
    points = [sample(60, "alpha"), north, sample(60, "gamma")]
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(60, points))
    with Reader(tmp_path) as reader:
        assert reader.latest(Sample, 60, host="beta") == [north]
        assert reader.between(Sample, 0, 60, host="alpha") == [points[0]]
        assert reader.between(Sample, 0, 60, host=["alpha", "beta"]) == points[:2]
        assert reader.between(Sample, 0, 60, host=["alpha", "beta"], region="north") == [north]
        assert reader.between(Sample, 0, 60, host=[]) == []


async def test_waiting_rounds(tmp_path: Path) -> None:
    """Rounds that wait for delivery are counted by round, oldest first."""
    limits = StoreLimits(spool=SpoolLimits(BatchLimits(2)))
    async with await EmbeddedStore.open(tmp_path, ALL, 14, limits) as store:
        with Reader(tmp_path) as reader:
            assert reader.waiting_rounds() == []
        for time in (120, 60):
            await store.commit(RoundRecord(time, [sample(time, f"host {n}") for n in range(3)]))
        backlog = await store.backlog()
    with Reader(tmp_path) as reader:
        rounds = reader.waiting_rounds()
    assert [(r.time, r.batches, r.points) for r in rounds] == [(60, 2, 3), (120, 2, 3)]
    assert sum(r.bytes for r in rounds) == backlog.bytes > 0


async def test_waiting_lines(tmp_path: Path) -> None:
    """What waits is read as the line protocol that will be sent: one round, or all in order."""
    limits = StoreLimits(spool=SpoolLimits(BatchLimits(2)))
    rounds = {time: [sample(time, f"host {n}") for n in range(3)] for time in (60, 120)}
    async with await EmbeddedStore.open(tmp_path, ALL, 14, limits) as store:
        for time, points in rounds.items():
            await store.commit(RoundRecord(time, points))
    with Reader(tmp_path) as reader:
        assert b"".join(reader.waiting_lines(120)) == lines(rounds[120])
        assert b"".join(reader.waiting_lines()) == lines(rounds[60] + rounds[120])
        assert list(reader.waiting_lines(180)) == []


async def test_rejected_lines(tmp_path: Path) -> None:
    """Lines that a store rejected come with its name and its reason, oldest first."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(60, [sample(60, ""), sample(60)]))
        line = "sample,host=alpha requests=1i 120"
        await store.acknowledge(Ack(0, 120, [(line, "400 type conflict")]))
    with Reader(tmp_path) as reader:
        embedded, influxdb = reader.rejected_lines()
    assert (embedded.time, embedded.store, embedded.measurement) == (60, "embedded", "sample")
    assert embedded.line == "sample,host= requests=1i 60"
    assert embedded.reason == sample(60, "").rejection_reason()
    assert influxdb == RejectedLine(120, "influxdb", "sample", "400 type conflict", line)


@pytest.mark.parametrize("empty_file", [False, True], ids=["no file", "empty file"])
def test_no_store_yet(empty_file: bool, tmp_path: Path) -> None:
    """Where nothing was stored yet, the message says so and what to do."""
    if empty_file:
        (tmp_path / "collector.db").touch()
    with pytest.raises(DataDirectoryError, match="there is no store in") as caught:
        Reader(tmp_path)
    assert "Start the collector" in caught.value.advice
    assert len(list(tmp_path.iterdir())) == empty_file


async def test_reader_cannot_write(tmp_path: Path) -> None:
    """A reader's query cannot change anything."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
        await store.commit(RoundRecord(60, [sample(60)]))
    with Reader(tmp_path) as reader, pytest.raises(DataDirectoryError, match="readonly"):
        reader.rows("DELETE FROM sample__points")


async def test_wrong_query_is_a_bug(tmp_path: Path) -> None:
    """A query that SQLite cannot understand is not blamed on the disk."""
    async with await EmbeddedStore.open(tmp_path, ALL, 14):
        pass
    with Reader(tmp_path) as reader, pytest.raises(sqlite3.OperationalError, match="no such table"):
        reader.rows("SELECT * FROM nowhere")


async def test_damaged_content(tmp_path: Path) -> None:
    """Text that is no UTF-8 and times that no calendar has are read as far as they make sense."""
    limits = StoreLimits(spool=SpoolLimits(BatchLimits(2)))
    async with await EmbeddedStore.open(tmp_path, ALL, 14, limits) as store:
        await store.commit(RoundRecord(60, [sample(60), sample(60, "")]))
    with sqlite3.connect(tmp_path / "collector.db") as connection:
        connection.execute("UPDATE sample__series SET host = CAST(x'ff61' AS TEXT)")
        connection.execute("UPDATE rejected SET line = CAST(x'ff' AS TEXT), time = 1 << 62")
        connection.execute("INSERT INTO rounds VALUES (1 << 62, 0, 0, 0), (-(1 << 62), 0, 0, 0)")
        connection.execute("UPDATE spool SET time = 1 << 62, body = CAST(x'ff' AS TEXT)")
    connection.close()
    async with await EmbeddedStore.open(tmp_path, ALL, 14, limits) as store:
        await store.commit(RoundRecord(120, [sample(120)]))
        assert await store.last_round() == 120
        newest = await store.take(newest=True)
        assert newest is not None
        assert newest.batch.time == 120
    with Reader(tmp_path, lambda: 180) as reader:
        assert {p.host for p in reader.between(Sample, 0, 180)} == {"\ufffda", "alpha"}
        assert [line.line for line in reader.rejected_lines()] == ["\ufffd"]
        assert [waiting.time for waiting in reader.waiting_rounds()] == [120, 1 << 62]
