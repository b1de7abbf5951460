"""Real database servers for tests: found, started on a free loopback port, and stopped.

Looked for on the PATH and in the folder `.servers` of the checkout, which `make servers` fills.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

CACHE = Path(__file__).parent.parent / ".servers"
START_SECONDS = 30.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Influx1:
    """A running InfluxDB 1.x without authentication."""

    url: str

    def ask(self, path: str, body: bytes | None = None, **query: str) -> tuple[int, str]:
        """Status and words of one request; a POST if there is a body."""
        target = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(
                urllib.request.Request(target, data=body), timeout=10
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@cache
def influx1_binaries() -> tuple[Path, ...]:
    """Every `influxd` of generation 1 that is here."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), CACHE, *CACHE.glob("*")]
    found = {
        binary.resolve(): None
        for folder in folders
        for binary in sorted(Path(folder).glob("influxd*"))
        if os.access(binary, os.X_OK) and binary.is_file()
    }
    return tuple(binary for binary in found if _is_generation_1(binary))


def _is_generation_1(binary: Path) -> bool:
    """2.x says when it was built; 1.x does not."""
    answer = subprocess.run([binary, "version"], capture_output=True, text=True, timeout=30)
    return answer.returncode == 0 and "build_date" not in answer.stdout


def influx1_cases() -> list[object]:
    """A parameter per server that is here, or one that skips (in CI: fails) and says so."""
    cases = [pytest.param(b, id=f"{b.parent.name}-{b.name}") for b in influx1_binaries()]
    return cases or [pytest.param(None, id="missing")]


@contextmanager
def running_influx1(binary: Path | None) -> Iterator[Influx1]:
    """Start a server with a temporary data folder; skip the test if there is none."""
    if binary is None:
        words = f"no InfluxDB 1.x: put influxd on the PATH or into {CACHE.name}/"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    folder = tempfile.mkdtemp(prefix="influxd-")
    command = [binary, "run", "-config", os.devnull]
    server = subprocess.Popen(command, env=_environment(folder), stderr=subprocess.PIPE, text=True)
    try:
        with server:
            try:
                yield Influx1(_wait(server))
            finally:
                server.terminate()
                try:
                    server.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: str) -> dict[str, str]:
    return {
        "HOME": folder,
        "INFLUXDB_BIND_ADDRESS": "127.0.0.1:0",
        "INFLUXDB_HTTP_BIND_ADDRESS": "127.0.0.1:0",
        "INFLUXDB_META_DIR": f"{folder}/meta",
        "INFLUXDB_DATA_DIR": f"{folder}/data",
        "INFLUXDB_DATA_WAL_DIR": f"{folder}/wal",
        "INFLUXDB_REPORTING_DISABLED": "true",
        "INFLUXDB_MONITOR_STORE_ENABLED": "false",
    }


def _wait(server: subprocess.Popen[str]) -> str:
    """The address that the server says it listens on, once it is ready; read on in a thread."""
    ready = threading.Event()
    address: list[str] = []
    said: list[str] = []

    def read() -> None:
        for line in server.stderr or ():
            said.append(line)
            if found := re.search(r"Listening on HTTP.*addr=(\S+)", line):
                address.append(found[1])
            if "Listening for signals" in line:
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    if not ready.wait(START_SECONDS) or not address:
        raise RuntimeError(f"the server did not start: {''.join(said[-5:])}")
    return f"http://{address[0]}"
