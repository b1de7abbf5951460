"""`crawl`, `nodes`, `events` and `probe`, as a user calls them, on a simulated network."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest

from collector.errors import Exit
from collector.model.failure import Failure
from tests.support.command import Command, clean_environment
from tests.support.terminal import run_in_terminal

pytestmark = pytest.mark.slow


def _lines(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_a_round_is_crawled_and_read_back(command: Command, simulated: Path) -> None:
    """One command crawls the network into a store, another one reads every node from it."""
    crawled = command("-c", simulated, "crawl", "--data-dir", "data", "--json")
    assert (crawled.returncode, crawled.stderr) == (0, "")
    seen = json.loads(crawled.stdout)
    assert seen["stored"] is True
    assert seen["network"]["nodes"] == len(seen["nodes"]) > 30
    assert seen["network"]["nodes_reachable"] > 20

    known = command("-c", simulated, "nodes", "--data-dir", "data", "--json")
    read = json.loads(known.stdout)
    assert read["round"] == seen["round"]
    assert {n["node"] for n in read["nodes"]} == {n["node"] for n in seen["nodes"]}
    reached = [n for n in read["nodes"] if n["reachable"]]
    assert all(n["failure"] == "none" and n["up"] == 1 for n in reached)
    assert sum(n["version"] is not None for n in reached) == len(reached)


def test_a_pipe_gets_plain_lines(command: Command, simulated: Path) -> None:
    """Without a terminal there is no table: a line per result, its columns between tabs."""
    crawled = command("-c", simulated, "crawl", "--data-dir", "data")
    columns, *results = _lines(crawled.stdout)
    assert columns == ["nodes", "result", "failure", "fault"]
    assert results[0][1:] == ["reachable", "none", "none"]
    failures = [Failure(result[2]) for result in results[1:]]
    assert [result[1:] for result in results[1:]] == [[f.title, f, f.fault] for f in failures]
    nodes = sum(int(result[0]) for result in results)
    assert crawled.stderr.startswith(f"{nodes} nodes, ")
    known = command("-c", simulated, "nodes", "--data-dir", "data")
    heading, *rows = _lines(known.stdout)
    assert heading[:3] == ["name", "node", "up"]
    assert rows
    assert all(len(row) == len(heading) for row in rows)


def test_a_dry_run_touches_no_disk(command: Command, simulated: Path, tmp_path: Path) -> None:
    """`--dry-run` prints line protocol and leaves the folder, and the data folder, empty."""
    crawled = command("-c", simulated, "crawl", "--dry-run", "--data-dir", tmp_path / "data")
    assert crawled.returncode == 0
    measurements = {line.split(",")[0] for line in crawled.stdout.splitlines()}
    assert {"crn_reachability", "crn_usage", "network", "collector"} <= measurements
    assert list(tmp_path.iterdir()) == []


def test_the_same_round_is_not_crawled_twice(command: Command, simulated: Path) -> None:
    """A second crawl within the interval waits for the next multiple and says how long."""
    short = {"CRN_ROUNDS__INTERVAL_SECONDS": "10", "CRN_ROUNDS__SPREAD_SECONDS": "2"}
    short["CRN_ROUNDS__DEADLINE_SECONDS"] = "8"
    rounds = []
    for _ in range(4):  # one of them begins within the interval of the one before
        crawled = command("-c", simulated, "crawl", "--data-dir", "data", "--json", **short)
        rounds.append(json.loads(crawled.stdout)["round"])
        if "is stored already; the next one is in" in crawled.stderr:
            break
    else:
        pytest.fail(f"none has waited: {rounds}")
    assert len(rounds) > 1
    assert sorted(set(rounds)) == rounds
    assert all(at % 10 == 0 for at in rounds)


def test_probe_explains_a_node(command: Command, simulated: Path) -> None:
    """`probe` shows every step of a visit to one node, and says so by its exit code."""
    seen = json.loads(command("-c", simulated, "crawl", "--data-dir", "data", "--json").stdout)
    good = next(n["address"] for n in seen["nodes"] if n["reachable"])
    probed = command("-c", simulated, "probe", good)
    assert probed.returncode == 0
    steps = {line[0]: line[1] for line in _lines(probed.stdout)[1:]}
    assert list(steps)[:5] == ["address", "name", "TCP", "TLS", "first byte"]
    assert (steps["TLS"], steps["controls"]) == ("handshake complete", "OK")
    assert steps["result"] == "reachable"
    assert {"GET /status/config", "GET /about/usage/system"} <= set(steps)


def test_probe_says_whose_fault_it_is(command: Command, simulated: Path) -> None:
    """A name that does not exist is the node's own trouble, and the exit code is 7."""
    probed = command("-c", simulated, "probe", "https://nobody.simulated.test", "--json")
    assert probed.returncode == 7
    answer = json.loads(probed.stdout)
    assert answer["failure"] == Failure.DNS_NOT_FOUND
    assert answer["controls"]["reason"] == "none"
    explained = command("-c", simulated, "probe", "https://nobody.simulated.test")
    steps = {line[0]: line[1:] for line in _lines(explained.stdout)}
    failure = Failure.DNS_NOT_FOUND
    assert steps["result"][0] == "not reachable"
    assert steps["failure"] == [failure.title, "", f"{failure}: {failure.meaning}"]
    assert steps["fault"] == ["dns", "", "counts against the node"]
    assert steps["what to do"] == ["owner of the node", "", failure.cure]


def test_probe_refuses_a_private_address(command: Command, simulated: Path) -> None:
    """An address that is not dialled is refused without a packet."""
    probed = command("-c", simulated, "probe", "https://192.168.1.1")
    assert probed.returncode == 7
    assert "forbidden_address" in probed.stdout


def test_no_event_on_the_first_start(command: Command, simulated: Path) -> None:
    """Nodes that were dead before we came alarm nobody."""
    command("-c", simulated, "crawl", "--data-dir", "data")
    listed = command("-c", simulated, "events", "--data-dir", "data", "--json", "--kind", "down")
    assert json.loads(listed.stdout) == []


def test_any_tool_opens_the_history(command: Command, simulated: Path, tmp_path: Path) -> None:
    """The store is one SQLite file with a view per measurement, typed as the schema says."""
    command("-c", simulated, "crawl", "--data-dir", "data")
    database = sqlite3.connect(tmp_path / "data" / "collector.db")
    try:
        rows = database.execute(
            "SELECT typeof(reachable), typeof(weight), typeof(failure), count(*) "
            "FROM crn_reachability WHERE reachable = 1 GROUP BY 1, 2, 3"
        ).fetchall()
    finally:
        database.close()
    assert [row[:3] for row in rows] == [("integer", "real", "text")]


def test_health_tells_by_the_last_round(command: Command, simulated: Path, tmp_path: Path) -> None:
    """No store, a fresh round and an old round: one line each, and exit code 9, 0 and 9."""
    before = command("health", "--data-dir", "data")
    assert (before.returncode, before.stdout.count("\n")) == (Exit.UNHEALTHY, 1)
    command("-c", simulated, "crawl", "--data-dir", "data")
    fresh = command("health", "--data-dir", "data")
    assert fresh.returncode == 0
    assert fresh.stdout.startswith("healthy: the last round is")
    database = sqlite3.connect(tmp_path / "data" / "collector.db")
    with database:
        for table in ("rounds", "commits"):
            database.execute(f"UPDATE {table} SET time = time - 3600")
    database.close()
    old = command("health", "--data-dir", "data")
    assert old.returncode == Exit.UNHEALTHY
    assert "s old" in old.stdout


def test_a_terminal_gets_words(command: Command, tmp_path: Path) -> None:
    """In a terminal failures have their titles and hashes are short; codes stay in the pipe."""
    lines = (f"{'ab' * 32} https://10.0.0.1", f"{'cd' * 32} ftp://crn.example.org")
    (tmp_path / "list.txt").write_text("\n".join(lines))
    nodes = ("nodes", "--data-dir", "data")
    command("crawl", "--directory", "list.txt", "--data-dir", "data")
    environment = clean_environment(tmp_path)
    code, shown = run_in_terminal(
        (sys.executable, "-m", "collector", *nodes), tmp_path, environment
    )
    piped = {row[1]: row[3] for row in _lines(command(*nodes).stdout)[1:]}
    assert code == 0
    assert piped == {"ab" * 32: "forbidden_address", "cd" * 32: "invalid_address"}
    for node, failure in piped.items():
        line = next(line for line in shown.splitlines() if node[:8] in line)
        assert Failure(failure).title in line
        assert node not in shown
