"""A clock that was wrong for a while: which round is the newest, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.model.batch import BatchLimits
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore, Reader, SpoolLimits, StoreLimits
from collector.store.commits import CONFIRMING_ROUNDS
from collector.times import DAY, HOUR
from tests.support.sample_points import ALL, Sample, sample

NOW = 1_700_000_040
YEAR = 365 * DAY
TODAY = tuple(NOW - number * 60 for number in reversed(range(20)))
LIMITS = StoreLimits(spool=SpoolLimits(BatchLimits(2), days=1))


async def _commit(directory: Path, times: Sequence[int]) -> None:
    async with await EmbeddedStore.open(directory, ALL, 2, LIMITS) as store:
        for time in times:
            await store.commit(RoundRecord(time, [sample(time, f"at {time}")]))


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param([NOW + YEAR], id="a-year-ahead"),
        pytest.param([NOW + YEAR + 60 * n for n in range(CONFIRMING_ROUNDS - 1)], id="nine-rounds"),
        pytest.param([0, 60, 120], id="1970"),
        pytest.param([NOW + HOUR], id="stepped-back-an-hour"),
        pytest.param([NOW + DAY], id="stepped-back-a-day"),
    ],
)
async def test_clock_that_was_wrong(tmp_path: Path, wrong: list[int]) -> None:
    """The round committed last is the newest for every reader, and nothing of today is deleted."""
    now = NOW + 60
    await _commit(tmp_path, [*TODAY, *wrong, now])
    with Reader(tmp_path, lambda: now + 60) as reader:
        assert (reader.last_round(), reader.future_round()) == (now, None)
        assert [p.time for p in reader.latest(Sample, 0)] == [now]
        times = [p.time for p in reader.between(Sample, NOW - DAY, now)]
        assert times == [*TODAY, now]
        committed = [time for _, time in reader.commits_since()]
        assert committed == [time for time in (*TODAY, *wrong, now) if time <= now + 60]
    async with await EmbeddedStore.open(tmp_path, ALL, 2, LIMITS) as store:
        assert await store.last_round() == now
        first, second = await store.take(newest=True), await store.take(newest=False)
        assert first is not None
        assert second is not None
        assert (first.batch.time, second.batch.time) == (now, min(TODAY[0], *wrong))
        assert (await store.backlog()).points == len(TODAY) + len(wrong) + 1


@pytest.mark.parametrize(
    ("ahead", "last", "future"),
    [
        pytest.param(60, NOW + 60, None, id="within-an-interval"),
        pytest.param(61, NOW, NOW + 61, id="beyond-it"),
        pytest.param(YEAR, NOW, NOW + YEAR, id="a-year"),
    ],
)
async def test_last_round_from_the_future(
    tmp_path: Path, ahead: int, last: int, future: int | None
) -> None:
    """A last round more than an interval ahead is told and passed over."""
    await _commit(tmp_path, [*TODAY, NOW + ahead])
    with Reader(tmp_path, lambda: NOW + 60) as reader:
        assert (reader.last_round(), reader.future_round()) == (last, future)


async def test_clock_that_is_right_at_last(tmp_path: Path) -> None:
    """A clock that leapt for good is believed after some rounds, and old rounds leave."""
    later = [NOW + YEAR + 60 * number for number in range(CONFIRMING_ROUNDS)]
    await _commit(tmp_path, [*TODAY, *later[:-1]])
    with Reader(tmp_path) as reader:
        assert len(reader.between(Sample, 0, NOW)) == len(TODAY)
    await _commit(tmp_path, later[-1:])
    with Reader(tmp_path) as reader:
        assert reader.between(Sample, 0, NOW) == []


async def test_full_spool_with_a_clock_that_fell_back(tmp_path: Path) -> None:
    """The bound on what waits holds whatever the clock says; the round committed last stays."""
    async with await EmbeddedStore.open(tmp_path, ALL, 2, LIMITS) as store:
        await store.commit(RoundRecord(NOW, [sample(NOW)]))
        one = (await store.backlog()).bytes
    limits = StoreLimits(spool=SpoolLimits(BatchLimits(2), bytes=one * 2))
    async with await EmbeddedStore.open(tmp_path, ALL, 2, limits) as store:
        for time in (NOW + 60, NOW + 120, 0, 60):
            await store.commit(RoundRecord(time, [sample(time)]))
        left = await store.backlog()
        newest = await store.take(newest=True)
    assert left.bytes <= one * 2
    assert newest is not None
    assert newest.batch.time == 60
