"""What tests of the whole program share: the command, and a simulated network to crawl."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

from tests.support.command import Command, clean_environment

SERVER_FIXTURES = frozenset({"database", "influx"})
"""Fixtures that start a database server. What uses one of them is marked `server`."""
START_SECONDS = 30.0
COMMAND_SECONDS = 90.0


def pytest_configure() -> None:
    """Hear signals as in a terminal, however the tests were started.

    `nohup` and shells without job control start what is ignored by all processes below.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a database server, so that `make check` can leave it out."""
    for item in items:
        if SERVER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep what a worker measured: it may be ended before it would do so on its own."""
    if hasattr(session.config, "workerinput") and (measured := coverage.Coverage.current()):
        measured.save()


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Runs `crn-collector` as a user does, in an empty folder, with no settings of this machine."""

    def run(*words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "collector", *map(str, words)],
            cwd=tmp_path,
            env=clean_environment(tmp_path) | variables,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The configuration file for a simulated network of 40 nodes that runs beside the tests."""
    folder = tmp_path_factory.mktemp("network")
    config = folder / "crn.toml"
    network = subprocess.Popen(
        [
            *(sys.executable, "-m", "collector", "simulate", "--nodes", "40", "--seed", "5"),
            *("--latency", "0", "--config", str(config)),
        ],
        cwd=folder,
        env=clean_environment(folder),
        stderr=subprocess.PIPE,
        text=True,
    )
    with network:
        try:
            assert network.stderr
            assert "crawl it with" in network.stderr.readline()
            yield config
        finally:
            network.send_signal(signal.SIGTERM)
            network.wait(START_SECONDS)
            assert network.stderr
            network.stderr.close()
