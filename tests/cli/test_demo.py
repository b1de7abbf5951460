"""`demo`: the last day of a simulated network filled in, then crawled live."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import sqlite3
from pathlib import Path

import pytest

from collector.times import DAY
from tests.support.command import Command
from tests.support.running import EXIT_SECONDS, read_until, running, wait_until

pytestmark = pytest.mark.slow


@pytest.mark.timeout(300)
def test_the_last_day_is_filled_in_and_the_network_crawled_live(
    command: Command, tmp_path: Path
) -> None:
    """After the day's rounds come live ones into the same store, until a signal asks to stop."""
    with running(tmp_path, "demo", "--nodes", 4, "--data-dir", "demo", COLUMNS="200") as demo:
        read_until(demo, lambda line: "crawling every" in line)
        live = read_until(demo, lambda line: " nodes reachable" in line)[-1]
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(EXIT_SECONDS) == 0
    listed = re.search(r"of (\d+) nodes reachable", live)
    assert listed
    stored = command(
        "-c", "demo/demo.toml", "events", "--data-dir", "demo/data", "--hours", "24", "--json"
    )
    assert stored.returncode == 0
    assert isinstance(json.loads(stored.stdout), list)
    nodes = command("-c", "demo/demo.toml", "nodes", "--data-dir", "demo/data", "--json")
    assert len(json.loads(nodes.stdout)["nodes"]) == int(listed[1]) > 0


@pytest.mark.timeout(300)
def test_a_signal_while_the_day_is_filled_in(tmp_path: Path) -> None:
    """Asked to stop while it fills in the day, it ends in order; what is stored stays."""
    database = tmp_path / "demo" / "data" / "collector.db"
    with running(tmp_path, "demo", "--nodes", 40, "--data-dir", "demo", COLUMNS="200") as demo:
        wait_until(demo, lambda: _rounds(database) > 0)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(EXIT_SECONDS) == 0
    assert 0 < _rounds(database) < DAY // 60


def _rounds(database: Path) -> int:
    """Return how many rounds are stored."""
    if not database.exists():
        return 0
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        try:
            (rounds,) = opened.execute("SELECT count(DISTINCT time) FROM network").fetchone()
        except sqlite3.OperationalError:  # its tables are not made yet
            return 0
    return int(rounds)
