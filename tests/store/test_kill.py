"""kill -9 at any moment: the file holds whole rounds, and its state is that of the last one."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from collector.store import EmbeddedStore, Reader
from tests.support.sample_points import ALL

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KILLS = 20
POINTS = 200

WRITER = """
import asyncio, sys
from pathlib import Path
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore
from tests.support.sample_points import ALL, sample

async def main():
    async with await EmbeddedStore.open(Path(sys.argv[1]), ALL, 14) as store:
        number = (await store.last_round() or 0) + 1
        while True:
            points = [sample(number, f"host {n}", requests=number) for n in range(int(sys.argv[2]))]
            await store.commit(RoundRecord(number, points, {"round": b"%d" % number}))
            print(number, flush=True)
            number += 1

asyncio.run(main())
"""


async def test_no_kill_tears_a_round(tmp_path: Path) -> None:
    """After each kill, what was announced is there, and rounds, points and state agree."""
    chance = random.Random(1)
    for _ in range(KILLS):
        announced = _killed_writer(tmp_path, rounds=chance.randint(1, 12), wait=chance.random())
        with Reader(tmp_path) as reader:
            rounds = reader.rows("SELECT time, points FROM rounds ORDER BY time")
            points = reader.rows("SELECT time, count(*) AS points FROM sample GROUP BY time")
        assert rounds == [{"time": n + 1, "points": POINTS} for n in range(len(rounds))]
        assert points == rounds
        assert len(rounds) >= announced
        async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
            assert await store.load_state() == {"round": b"%d" % len(rounds)}


def _killed_writer(directory: Path, rounds: int, wait: float) -> int:
    """Kill a child in the round after so many; return the last round that it announced."""
    command = [sys.executable, "-c", WRITER, str(directory), str(POINTS)]
    environment = {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        announced = [child.stdout.readline() for _ in range(rounds)]
        _spin(wait)
        child.kill()
        announced += child.stdout.read().split()
    return int(announced[-1])


def _spin(wait: float) -> None:
    """Let up to a few milliseconds pass, the length of a commit, so that kills fall anywhere."""
    for _ in range(int(wait * 100_000)):
        pass
