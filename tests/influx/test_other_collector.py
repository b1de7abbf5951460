"""Two collectors with one vantage and shard in one database are noticed."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import aiohttp
import pytest

from collector.influx.client import open_influxdb
from collector.influx.generation import Generation
from collector.influx.other_collector import FORGET_SECONDS, OtherCollector, WriterName
from collector.influx.server_answer import ServerAnswer
from collector.influx.target import Target
from collector.influx.write_result import Fate, WriteResult
from collector.times import DAY
from tests.support.delivery_bed import CONTEXT
from tests.support.influx_bucket import InfluxBucket

START = 1_800_000_000
OWN = WriterName("it's \\ here", "0", "own")


@dataclass
class Told:
    """A database that answers what it is told to."""

    answer: ServerAnswer | Exception = field(default_factory=lambda: ServerAnswer(404))
    recognised: Generation | WriteResult = Generation.V2
    target: Target = field(default_factory=lambda: Target("http://localhost", "bucket/policy"))
    queries: list[dict[str, str]] = field(default_factory=list)

    async def generation(self) -> Generation | WriteResult:
        return self.recognised

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        generation: Generation | None = None,
    ) -> ServerAnswer:
        self.queries.append(query or {})
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def _row(at: int, instance: str) -> ServerAnswer:
    values = {"columns": ["time", "last"], "values": [[at, instance]]}
    return ServerAnswer(200, content={"results": [{"series": [values]}]})


@pytest.mark.parametrize(
    ("rows", "present"),
    [
        pytest.param([(60, "own"), (120, "own")], False, id="alone"),
        pytest.param([(60, "other"), (120, "own"), (180, "own")], False, id="moved"),
        pytest.param([(60, "other"), (60, "other")], False, id="the-same-round-twice"),
        pytest.param([(60, "other"), (120, "other")], True, id="two"),
        pytest.param([(60, "other"), (120, "own"), (180, "other")], True, id="taking-turns"),
    ],
)
async def test_rounds_of_another(
    rows: list[tuple[int, str]], present: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Two rounds that another wrote since the start are another collector; that is said once."""
    database = Told()
    other = OtherCollector(database, OWN, lambda: START, lambda: 0.0)
    for at, instance in [*rows, *rows[-1:]]:
        database.answer = _row(START + at, instance)
        await other.check()
    assert other.present is present
    errors = [r.message for r in caplog.records if r.levelno == logging.ERROR]
    assert len(errors) == present


async def test_the_other_is_stopped(caplog: pytest.LogCaptureFixture) -> None:
    """Another that writes no more is forgotten after a while."""
    up = [0.0]
    database = Told()
    other = OtherCollector(database, OWN, lambda: START, lambda: up[0])
    for at in (60, 120):
        database.answer = _row(START + at, "other")
        await other.check()
    database.answer = _row(START + 180, "own")
    up[0] = FORGET_SECONDS - 1
    await other.check()
    assert other.present is True
    up[0] = FORGET_SECONDS
    await other.check()
    assert other.present is False
    assert "no other collector writes" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(ServerAnswer(401), id="no-token"),
        pytest.param(ServerAnswer(403), id="write-only"),
        pytest.param(ServerAnswer(200), id="empty"),
        pytest.param(ServerAnswer(200, content={"results": [{"statement_id": 0}]}), id="no-row"),
        pytest.param(ServerAnswer(200, content={"results": [{"series": [{"values": [[1, 2]]}]}]}),
                     id="no-text"),
        pytest.param(aiohttp.ClientConnectionError(), id="gone"),
        pytest.param(TimeoutError(), id="slow"),
    ],
)  # fmt: skip
async def test_nothing_is_told(
    answer: ServerAnswer | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the database may not be read, or does not answer, nothing is said."""
    other = OtherCollector(Told(answer), OWN, lambda: START)
    await other.check()
    unknown = OtherCollector(Told(recognised=WriteResult(Fate.KEEP, "busy")), OWN, lambda: START)
    await unknown.check()
    assert (other.present, unknown.present, caplog.messages) == (None, None, [])


async def test_retention_policy() -> None:
    """On 1.x the retention policy of the bucket is asked, and names are quoted."""
    database = Told(recognised=Generation.V1)
    await OtherCollector(database, OWN, lambda: START).check()
    (query,) = database.queries
    assert (query["db"], query["rp"]) == ("bucket", "policy")
    assert "\"vantage\" = 'it\\'s \\\\ here'" in query["q"]


@pytest.mark.parametrize(("now", "start"), [(START + 60, START), (START - DAY, START - DAY)])
async def test_only_rounds_until_now(now: int, start: int) -> None:
    """Rounds of a clock that was ahead are left out, whether it was that at the start or before."""
    times = iter((START, now))
    database = Told()
    await OtherCollector(database, OWN, lambda: next(times)).check()
    assert database.queries[0]["q"].endswith(f"AND time > {start}s AND time <= {now}s")


async def test_real_servers(bucket: InfluxBucket) -> None:
    """Every generation tells which process wrote last, of this vantage and shard, until now."""
    if bucket.kind == "3":
        pytest.skip("the stand-in for 3.x answers no such query")
    async with open_influxdb(bucket.target, CONTEXT, 10) as database:
        own = WriterName("it's here", "0", "own")
        now = [START]
        other = OtherCollector(database, own, lambda: now[0])
        await other.check()
        assert other.present is None
        ahead = START + 365 * DAY
        bucket.write(f'collector,shard=0,vantage=it\'s\\ here instance="before" {ahead}')
        for at, shard, instance in [(60, 0, "other"), (90, 1, "third"), (120, 0, "other")]:
            bucket.write(
                f'collector,shard={shard},vantage=it\'s\\ here instance="{instance}" {START + at}'
            )
            now[0] = START + at
            await other.check()
    assert other.present is True
