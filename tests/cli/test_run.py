"""`run`: rounds, signals, and a second collector on the same data directory."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
from pathlib import Path

import pytest

from collector.errors import Exit
from tests.support.command import Command
from tests.support.running import EXIT_SECONDS, FAST, read_until, running

pytestmark = pytest.mark.slow


def is_round(line: str) -> bool:
    """The one line of a finished round."""
    return " nodes reachable" in line


def round_of(said: list[str]) -> int:
    """The time of the round that the last line tells of."""
    return int(said[-1].split("round ")[1].split(":")[0])


def test_rounds_fall_on_multiples(simulated: Path, tmp_path: Path) -> None:
    """The first round comes at once, under the multiple just passed; the next on the next one.

    A multiple that the first round overruns is left out and counted.
    """
    with running(tmp_path, "-c", simulated, "run", "--data-dir", "data") as collector:
        first = round_of(read_until(collector, is_round))
        second = round_of(read_until(collector, is_round))
        collector.send_signal(signal.SIGTERM)
        assert collector.wait(EXIT_SECONDS) == 0
    assert first % 10 == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "collector.db")) as database:
        (skipped,) = database.execute(
            "SELECT rounds_skipped FROM collector WHERE time = ?", (second,)
        ).fetchone()
    assert second == first + 10 * (1 + skipped)
    assert skipped <= 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_signal_lets_the_round_finish(
    command: Command, simulated: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Asked to stop in the middle of a round, the collector writes it and exits with 0."""
    with running(tmp_path, "-c", simulated, "run", "--data-dir", "data") as collector:
        read_until(collector, lambda line: "crawling every" in line)
        collector.send_signal(number)
        assert collector.wait(EXIT_SECONDS) == 0
        assert collector.stderr
        assert "stopped" in collector.stderr.read()
    known = json.loads(command("-c", simulated, "nodes", "--data-dir", "data", "--json").stdout)
    assert len(known["nodes"]) > 30


def test_a_second_collector_is_refused(command: Command, simulated: Path, tmp_path: Path) -> None:
    """While one collector holds the data directory, `crawl` refuses; a dry run does not."""
    with running(tmp_path, "-c", simulated, "run", "--data-dir", "data") as collector:
        read_until(collector, is_round)
        refused = command("-c", simulated, "crawl", "--data-dir", "data")
        dry = command("-c", simulated, "crawl", "--data-dir", "data", "--dry-run")
        collector.send_signal(signal.SIGTERM)
        assert collector.wait(EXIT_SECONDS) == 0
    assert refused.returncode == Exit.LOCKED
    assert str(collector.pid) in refused.stderr
    assert dry.returncode == 0


def test_a_kill_loses_no_round_that_was_announced(
    command: Command, simulated: Path, tmp_path: Path
) -> None:
    """What the log called a round is in the store after kill -9, and the next start goes on."""
    with running(tmp_path, "-c", simulated, "run", "--data-dir", "data") as collector:
        announced = round_of(read_until(collector, is_round))
        collector.kill()
        collector.wait(EXIT_SECONDS)
    known = json.loads(command("-c", simulated, "nodes", "--data-dir", "data", "--json").stdout)
    assert known["round"] == announced
    again = command("-c", simulated, "crawl", "--data-dir", "data", "--json", **FAST)
    assert again.returncode == 0
    assert json.loads(again.stdout)["round"] > announced


def test_a_crawl_that_waits_can_be_stopped(
    command: Command, simulated: Path, tmp_path: Path
) -> None:
    """Asked to stop while it waits for the next round, `crawl` ends at once and keeps none."""
    hours = {"CRN_ROUNDS__INTERVAL_SECONDS": "3600"}
    held = command("-c", simulated, "crawl", "--data-dir", "data", "--json", **hours)
    words = ("-c", simulated, "crawl", "--data-dir", "data")
    with running(tmp_path, *words, **hours) as crawl:
        read_until(crawl, lambda line: "is stored already" in line)
        crawl.send_signal(signal.SIGINT)
        assert crawl.wait(EXIT_SECONDS) == 0
    known = json.loads(command("-c", simulated, "nodes", "--data-dir", "data", "--json").stdout)
    assert known["round"] == json.loads(held.stdout)["round"]


def test_a_second_signal_forces(simulated: Path, tmp_path: Path) -> None:
    """Asked twice, the collector ends in the middle of a round with 130, and says what is lost."""
    with socket.create_server(("127.64.0.1", 0)) as silent:  # its visit lasts until it times out
        (tmp_path / "nodes").write_text(f"{1:064} https://127.64.0.1:{silent.getsockname()[1]}\n")
        words = ("run", "--data-dir", "data", "--directory", "nodes")
        with running(tmp_path, "-c", simulated, *words) as collector:
            read_until(collector, lambda line: "crawling every" in line)
            collector.send_signal(signal.SIGTERM)
            read_until(collector, lambda line: "a second signal forces" in line)
            collector.send_signal(signal.SIGTERM)
            assert collector.wait(EXIT_SECONDS) == Exit.INTERRUPTED
            assert collector.stderr
            assert "forced to stop" in collector.stderr.read()
