"""`health` while the database behind the collector takes nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from collector.errors import Exit
from collector.schema.measurements import MEASUREMENTS, CollectorStore
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore
from tests.support.command import Command

pytestmark = pytest.mark.slow


def _store(at: int, connected: bool) -> CollectorStore:
    return CollectorStore(
        time=at,
        vantage="default",
        shard="0",
        store="influxdb",
        connected=connected,
        points_delivered=0,
        points_rejected=0,
        points_dropped=0,
        backlog_bytes=1,
        backlog_points=1,
        backlog_seconds=60.0,
        write_seconds=0.1,
        conflict=None,
    )


@pytest.mark.parametrize(
    ("connected", "words", "code"),
    [
        pytest.param(True, (), Exit.OK, id="taken"),
        pytest.param(True, ("--ready",), Exit.OK, id="taken-and-ready"),
        pytest.param(False, (), Exit.OK, id="rounds-are-kept"),
        pytest.param(False, ("--ready",), Exit.UNHEALTHY, id="not-ready"),
    ],
)
async def test_a_database_that_takes_nothing(
    command: Command, tmp_path: Path, connected: bool, words: tuple[str, ...], code: Exit
) -> None:
    """Rounds that wait are said; only `--ready` makes them an exit code."""
    now = int(time.time())
    async with await EmbeddedStore.open(tmp_path / "data", MEASUREMENTS, 14) as store:
        await store.commit(RoundRecord(now, [_store(now, connected)]))
    asked = command("health", "--data-dir", "data", *words)
    assert asked.returncode == code
    assert ("influxdb accepts no writes" in asked.stdout) is not connected
