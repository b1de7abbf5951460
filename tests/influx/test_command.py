"""The commands around delivery, as a person uses them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.errors import Exit
from collector.model.queue import Ack
from collector.schema.measurements import MEASUREMENTS, Network
from collector.store import EmbeddedStore
from collector.store.lock import DirectoryLock
from tests.support import influx_servers as servers
from tests.support.command import Command, clean_environment
from tests.support.influx_bucket import InfluxBucket
from tests.support.influx_servers import Influx

NODE = f"{'ab' * 32} https://127.0.0.1:9\n"
EXIT_SECONDS = 60.0


@pytest.fixture(scope="module")
def influx() -> Iterator[Influx]:
    """One server is enough here: what it is makes no difference to the commands."""
    with servers.running("1.8") as server:
        yield server


@pytest.fixture
def bucket(influx: Influx, tmp_path: Path) -> InfluxBucket:
    """The bucket that the commands are given; nobody has created it."""
    return InfluxBucket(influx, tmp_path.name)


@pytest.fixture
def run(command: Command, bucket: InfluxBucket, tmp_path: Path) -> Command:
    """Runs a command with a directory of one node and this database."""
    (tmp_path / "nodes").write_text(NODE)

    def run_(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        common = {"CRN_DATA_DIR": "data", "CRN_DIRECTORY__FILE": "nodes"}
        where = {"CRN_INFLUXDB__URL": bucket.influx.url, "CRN_INFLUXDB__BUCKET": bucket.name}
        return command(*arguments, **(common | where | variables))

    return run_


def network_points(bucket: InfluxBucket) -> int:
    """Return how many points of the network are in the bucket."""
    return len(bucket.rows(Network.MEASUREMENT))


def test_from_an_empty_server(run: Command, bucket: InfluxBucket, tmp_path: Path) -> None:
    """A round waits until the database is made, is shown meanwhile, and replayed then."""
    crawled = run("crawl")
    assert crawled.returncode == 0
    assert "init-store" in crawled.stderr
    (waits,) = json.loads(run("spool", "ls", "--json").stdout)
    shown = run("spool", "show", str(waits["time"])).stdout
    assert shown.count("\n") == waits["points"] > 20
    assert "network,shard=0,vantage=default nodes=1i" in shown
    failed = run("spool", "replay")
    assert failed.returncode == Exit.DATABASE
    assert "database not found" in failed.stderr
    made = run("init-store", CRN_INFLUXDB__RETENTION_DAYS="30")
    assert made.stdout == f"database '{tmp_path.name}' created; retention 30 days (InfluxDB 1.8)\n"
    replayed = run("spool", "replay")
    assert replayed.returncode == 0
    assert f"{waits['points']} delivered, 0 rejected, 0 dropped" in replayed.stdout
    assert ", 0 still wait\n" in replayed.stdout
    assert network_points(bucket) == 1
    assert json.loads(run("spool", "ls", "--json").stdout) == []


def test_purge(run: Command) -> None:
    """What waits is forgotten after a yes, and nothing without one."""
    run("crawl")
    refused = run("spool", "purge")
    assert (refused.returncode, "--yes confirms" in refused.stderr) == (Exit.CONFIGURATION, True)
    assert json.loads(run("spool", "ls", "--json").stdout) != []
    purged = run("spool", "purge", "--yes", "--rejected")
    assert purged.returncode == 0
    assert "points deleted, 0 rejected lines" in purged.stdout
    assert json.loads(run("spool", "ls", "--json").stdout) == []


async def test_rejected(run: Command, tmp_path: Path) -> None:
    """Rejected lines are listed with the database's message, and sent again on request."""
    run("init-store")
    run("crawl")
    async with await EmbeddedStore.open(tmp_path / "data", MEASUREMENTS, 14) as store:
        line = "network,vantage=other nodes=1i 1795456440"
        await store.acknowledge(Ack(0, 1795456440, [(line, "400 was bad then")]))
    (kept,) = json.loads(run("spool", "rejected", "--json").stdout)
    assert (kept["line"], kept["store"], kept["reason"]) == (line, "influxdb", "400 was bad then")
    replayed = run("spool", "replay", "--rejected")
    assert "1 rejected lines queued again\n1 points waited: 1 delivered" in replayed.stdout
    assert json.loads(run("spool", "rejected", "--json").stdout) == []


@pytest.mark.parametrize(
    "arguments",
    [("crawl",), ("spool", "replay"), ("spool", "purge", "--yes")],
    ids=["crawl", "replay", "purge"],
)
def test_in_use(arguments: tuple[str, ...], run: Command, tmp_path: Path) -> None:
    """While a collector holds the data directory, what would write there is refused."""
    run("crawl")
    lock = DirectoryLock(tmp_path / "data")
    lock.acquire()
    try:
        refused = run(*arguments)
        listed = run("spool", "ls")
    finally:
        lock.release()
    assert refused.returncode == Exit.LOCKED
    assert "uses the data directory" in refused.stderr
    assert listed.returncode == 0


def test_nothing_there(run: Command) -> None:
    """Without a store or a database, each command says what is missing."""
    assert run("spool", "ls").returncode == Exit.DATA_DIRECTORY
    assert run("spool", "purge", "--yes").returncode == Exit.DATA_DIRECTORY
    missing = run("init-store", CRN_INFLUXDB__URL="")
    assert missing.returncode == Exit.CONFIGURATION
    assert "CRN_INFLUXDB__URL is empty" in missing.stderr
    unreachable = run("init-store", CRN_INFLUXDB__URL="http://127.0.0.1:1")
    assert unreachable.returncode == Exit.DATABASE
    assert "127.0.0.1:1" in unreachable.stderr


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"URL": "", "TOKEN": "geheim"}, "url is missing"),
        ({"TOKEN": "geheim", "TOKEN_FILE": "geheim"}, "token or token_file"),
        ({"URL": "http://me:geheim@host"}, "they belong into `token`"),
        ({"URL": "geheim"}, "CRN_INFLUXDB__URL"),
        ({"GENERATION": "4"}, "CRN_INFLUXDB__GENERATION"),
        ({"GENERATION": "2"}, "org is missing"),
        ({"TOKENN": "geheim"}, "CRN_INFLUXDB__TOKENN"),
        ({"BATCH_LINES": "0"}, "CRN_INFLUXDB__BATCH_LINES"),
    ],
    ids=[
        "no url",
        "two tokens",
        "password in url",
        "no url at all",
        "generation",
        "no org",
        "typo",
        "zero",
    ],
)
def test_wrong_settings(variables: dict[str, str], message: str, run: Command) -> None:
    """Each wrong setting is named, and no secret is in the message."""
    refused = run("check-config", **{f"CRN_INFLUXDB__{k}": v for k, v in variables.items()})
    assert refused.returncode == Exit.CONFIGURATION
    assert message in refused.stderr
    assert "geheim" not in refused.stderr.replace(
        "must begin with http:// or https://, not 'geheim'", ""
    )


def test_token(run: Command, tmp_path: Path) -> None:
    """The token is masked, and may be in a file, which must be readable."""
    shown = run("check-config", CRN_INFLUXDB__TOKEN="geheim").stdout
    assert "CRN_INFLUXDB__TOKEN\t***" in shown
    assert "geheim" not in shown
    missing = run("init-store", CRN_INFLUXDB__TOKEN_FILE="nowhere")
    assert missing.returncode == Exit.CONFIGURATION
    assert "CRN_INFLUXDB__TOKEN_FILE: nowhere cannot be read" in missing.stderr
    (tmp_path / "token").write_text("somebody:geheim\n")
    assert run("init-store", CRN_INFLUXDB__TOKEN_FILE="token").returncode == 0


def test_run_delivers(run: Command, bucket: InfluxBucket, tmp_path: Path) -> None:
    """`run` delivers each round as it comes, and what is left when it is asked to stop."""
    run("init-store")
    variables = {
        "CRN_INFLUXDB__URL": bucket.influx.url,
        "CRN_INFLUXDB__BUCKET": bucket.name,
        "CRN_DATA_DIR": "data",
        "CRN_DIRECTORY__FILE": "nodes",
    }
    collector = subprocess.Popen(
        [sys.executable, "-m", "collector", "run"],
        cwd=tmp_path,
        env=clean_environment(tmp_path) | variables,
        stderr=subprocess.PIPE,
        text=True,
    )
    with collector:
        try:
            assert collector.stderr
            for line in collector.stderr:
                if " nodes reachable" in line:
                    break
            collector.send_signal(signal.SIGTERM)
            log = collector.stderr.read()
            assert collector.wait(EXIT_SECONDS) == 0, log
        finally:
            collector.kill()
    assert network_points(bucket) >= 1
    assert json.loads(run("spool", "ls", "--json").stdout) == []
