"""kill -9 at any moment: the file holds whole rounds, and its state is that of the last one."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from collector.store import EmbeddedStore, Reader
from tests.support.disk_weather import ALL

ROOT = Path(__file__).parents[2]
KILLS = 20
POINTS = 200

WRITER = """
import asyncio, sys
from pathlib import Path
from collector.store import Batch, EmbeddedStore
from tests.support.disk_weather import ALL, weather

async def main():
    async with await EmbeddedStore.open(Path(sys.argv[1]), ALL, 14) as store:
        number = (await store.last_round() or 0) + 1
        while True:
            points = [weather(number, f"city {n}", drops=number) for n in range(int(sys.argv[2]))]
            await store.commit(Batch(number, points, {"round": b"%d" % number}))
            print(number, flush=True)
            number += 1

asyncio.run(main())
"""


async def test_no_kill_tears_a_round(tmp_path: Path) -> None:
    """After each kill, what was announced is there, and rounds, points and state agree."""
    chance = random.Random(1)
    for _ in range(KILLS):
        announced = _killed_writer(tmp_path, rounds=chance.randint(1, 12), cut=chance.random())
        with Reader(tmp_path) as reader:
            rounds = reader.rows("SELECT time, points FROM rounds ORDER BY time")
            points = reader.rows("SELECT time, count(*) AS points FROM weather GROUP BY time")
        assert rounds == [{"time": n + 1, "points": POINTS} for n in range(len(rounds))]
        assert points == rounds
        assert len(rounds) >= announced
        async with await EmbeddedStore.open(tmp_path, ALL, 14) as store:
            assert await store.load_state() == {"round": b"%d" % len(rounds)}


def _killed_writer(directory: Path, rounds: int, cut: float) -> int:
    """Let a child commit so many rounds and kill it in the next; the last that it announced."""
    command = [sys.executable, "-c", WRITER, directory, str(POINTS)]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        announced = [child.stdout.readline() for _ in range(rounds)]
        _spin(cut)
        child.kill()
        announced += child.stdout.read().split()
    return int(announced[-1])


def _spin(cut: float) -> None:
    """Let up to a few milliseconds pass, the length of a commit, so that kills fall anywhere."""
    for _ in range(int(cut * 100_000)):
        pass
