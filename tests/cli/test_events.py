"""`events`: what is printed of past events, and of new ones as they come."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from collector.schema.measurements import MEASUREMENTS, NetworkEvent
from collector.schema.round_record import RoundRecord
from collector.store import EmbeddedStore
from collector.times import DAY, round_time
from tests.support.command import Command, clean_environment
from tests.support.running import EXIT_SECONDS

pytestmark = pytest.mark.slow

START = round_time(time.time(), 60) - 7200


def event(at: int, kind: str, text: str) -> NetworkEvent:
    """An event of one node."""
    return NetworkEvent(
        time=at,
        vantage="default",
        node="ab" * 32,
        name="quiet-harbour",
        kind=kind,
        text=text,
        failure=None,
        old=None,
        new=None,
        since=None,
        lasted_seconds=None,
    )


def store(folder: Path, *rounds: RoundRecord) -> None:
    """Store rounds as a collector does."""

    async def commit() -> None:
        async with await EmbeddedStore.open(folder / "data", MEASUREMENTS, 14) as opened:
            for one in rounds:
                await opened.commit(one)

    asyncio.run(commit())


def test_only_the_wanted_kinds(command: Command, tmp_path: Path) -> None:
    """Events of other kinds, and those of longer ago, are left out."""
    store(
        tmp_path,
        RoundRecord(START - 7200, [event(START - 7200, "down", "is down")]),
        RoundRecord(START, [event(START, "up", "is up"), event(START, "renamed", "is renamed")]),
    )
    words = ("events", "--data-dir", "data", "--hours", "1", "--json")
    recent = json.loads(command(*words).stdout)
    assert {one["text"] for one in recent} == {"is renamed", "is up"}
    chosen = json.loads(command(*words, "--kind", "up", "--kind", "down").stdout)
    assert [one["text"] for one in chosen] == ["is up"]


@contextlib.contextmanager
def following(folder: Path, *options: str) -> Iterator[IO[str]]:
    """Run `events --follow` and yield its output; at the end stop it as Ctrl-C does."""
    words = ("events", "--data-dir", "data", "--follow", *options)
    with subprocess.Popen(
        [sys.executable, "-m", "collector", *words],
        cwd=folder,
        env=clean_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            yield process.stdout
            process.send_signal(signal.SIGINT)
            assert process.wait(EXIT_SECONDS) == 130
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("as_json", [False, True], ids=["plain", "json"])
def test_new_events_follow(tmp_path: Path, as_json: bool) -> None:
    """With --follow each event of a later round is printed when the round is stored."""
    store(tmp_path, RoundRecord(START, [event(START, "down", "is down")]))
    with following(tmp_path, *(["--json"] if as_json else [])) as output:
        first = output.readline()
        store(tmp_path, RoundRecord(START + 60, [event(START + 60, "up", "is up again")]))
        second = output.readline()
    texts = [json.loads(line)["text"] if as_json else line for line in (first, second)]
    assert "is down" in texts[0]
    assert "is up again" in texts[1]


def test_rounds_after_one_from_the_future_follow(tmp_path: Path) -> None:
    """Events of a clock that was ahead are left out; those after them are printed."""
    ahead, later = START + 365 * DAY, START + 366 * DAY
    store(
        tmp_path,
        RoundRecord(START, [event(START, "down", "is down")]),
        RoundRecord(ahead, [event(ahead, "renamed", "is of the future")]),
    )
    with following(tmp_path) as output:
        first = output.readline()
        store(
            tmp_path,
            RoundRecord(later, [event(later, "renamed", "is of the future")]),
            RoundRecord(START + 60, [event(START + 60, "up", "is up again")]),
        )
        second = output.readline()
    assert "is down" in first
    assert "is up again" in second
