"""Real database servers for tests: found, started on a free loopback port, and stopped.

Looked for on the PATH and in the cache of the user that `make servers` fills, which survives a
fresh clone. A missing one skips its tests, and fails them in CI; InfluxDB 3 has no package, so it
is used where `INFLUXDB3` names its binary.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_cache_path

CACHE = user_cache_path("crn-collector") / "servers"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
ANSWER_SECONDS = 30.0

KINDS = ("1.6", "1.8", "2.7")
"""What CI must have."""
_ORG, _TOKEN = "tests", "token-of-the-tests"
_READY = {
    "1.6": r"Listening for signals",
    "1.8": r"Listening for signals",
    "2.7": r"msg=Listening .*transport=http|Listening\s.*\"transport\": \"http\"",
    "3": r"startup time|startup complete",
}


@dataclass(frozen=True)
class Influx1:
    """A running InfluxDB; the name is older than the other generations."""

    url: str
    kind: str = "1.8"
    token: str = field(default="", repr=False)
    org: str = ""

    def ask(self, path: str, body: bytes | None = None, **query: str) -> tuple[int, str]:
        """Status and words of one request; a POST if there is a body."""
        target = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        headers = {"Authorization": f"Token {self.token}"} if self.token else {}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(target, data=body, headers=headers), timeout=ANSWER_SECONDS
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def rows(self, database: str, query: str) -> list[dict[str, Any]]:
        """The rows of one InfluxQL query, tags by which it groups included; seconds."""
        status, answer = self.ask("/query", q=query, db=database, epoch="s")
        found = json.loads(answer) if status == 200 else {}
        results = found.get("results", [{"error": f"{status} {answer}"}])
        if "error" in results[0]:
            raise RuntimeError(results[0]["error"])
        return [
            dict(zip(series["columns"], row, strict=True)) | series.get("tags", {})
            for series in results[0].get("series", ())
            for row in series["values"]
        ]


Influx = Influx1


class Instance:
    """A server with a data folder of its own, which may be stopped and started again."""

    def __init__(self, kind: str, binary: Path, **variables: str) -> None:
        self.kind = kind
        self._variables = variables
        self._binary = binary
        self._folder = tempfile.mkdtemp(prefix=f"influxd-{kind}-")
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None
        self._set_up = False

    @property
    def influx(self) -> Influx:
        """How it is reached."""
        url = f"http://127.0.0.1:{self._port}"
        if self.kind == "2.7":
            return Influx(url, self.kind, _TOKEN, _ORG)
        return Influx(url, self.kind)

    def start(self) -> Influx:
        """Start it, or start it again on the same port and data; returns when it answers."""
        self._process = subprocess.Popen(
            [str(self._binary), *_arguments(self.kind, self._folder, self._port)],
            env=_environment(self._folder, self._port) | self._variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        _wait(self._process, _READY[self.kind])
        if self.kind == "2.7" and not self._set_up:
            self._set_up_2()
        self._set_up = True
        return self.influx

    def stop(self, kill: bool = False) -> None:
        """Stop it, gently or at once; its data stays."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill() if kill else process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def remove(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _set_up_2(self) -> None:
        wanted = {"username": "tests", "password": "password-of-the-tests", "org": _ORG}
        body = json.dumps(wanted | {"bucket": "first", "token": _TOKEN}).encode()
        request = urllib.request.Request(f"{self.influx.url}/api/v2/setup", data=body)
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            answer.read()


@contextmanager
def running(kind: str) -> Iterator[Influx]:
    """A server of this kind; the test is skipped, in CI failed, if there is none."""
    instance = Instance(kind, needed(kind))
    try:
        yield instance.start()
    finally:
        instance.remove()


def needed(kind: str) -> Path:
    """The binary of this kind; skips the test, in CI fails it, if there is none."""
    binary = binaries().get(kind)
    if binary is None:
        words = f"no InfluxDB {kind}: `make servers` gets it"
        if os.environ.get("CI") and kind in KINDS:
            pytest.fail(words)
        pytest.skip(words)
    return binary


@cache
def binaries() -> dict[str, Path]:
    """Every server that is here, by kind."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", CACHE]
    found: dict[str, Path] = {}
    for folder in folders:
        for binary in sorted(Path(folder).glob("influxd*")):
            if os.access(binary, os.X_OK) and binary.is_file() and (kind := _kind(binary)):
                found.setdefault(kind, binary.resolve())
    if named := os.environ.get("INFLUXDB3"):
        found["3"] = Path(named)
    return found


def _kind(binary: Path) -> str | None:
    """By its name, or by what it says; one built from source does not know its version."""
    if by_name := re.search(r"influxd-([\d.]+)$", binary.name):
        return by_name[1]
    answer = subprocess.run([binary, "version"], capture_output=True, text=True, timeout=30)
    if "build_date" in answer.stdout:
        return "2.7"
    version = re.search(r"InfluxDB v?(\d+\.\d+|unknown)", answer.stdout)
    return {"unknown": "1.8"}.get(version[1], version[1]) if version else None


def influx1_cases() -> list[object]:
    """A parameter per server of generation 1."""
    return [pytest.param(kind, id=kind) for kind in ("1.6", "1.8")]


running_influx1 = running


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def _arguments(kind: str, folder: str, port: int) -> list[str]:
    if kind.startswith("1"):
        return ["run", "-config", os.devnull]
    if kind == "3":
        door = f"127.0.0.1:{port}"
        return [
            *("serve", "--node-id", "tests", "--object-store", "file", "--data-dir", folder),
            *("--http-bind", door, "--without-auth", "--disable-telemetry-upload"),
        ]
    return [
        f"--http-bind-address=127.0.0.1:{port}",
        f"--bolt-path={folder}/bolt",
        f"--sqlite-path={folder}/sqlite",
        f"--engine-path={folder}/engine",
        "--reporting-disabled",
    ]


def _environment(folder: str, port: int) -> dict[str, str]:
    return {
        "HOME": folder,
        "INFLUXDB_BIND_ADDRESS": "127.0.0.1:0",
        "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{port}",
        "INFLUXDB_META_DIR": f"{folder}/meta",
        "INFLUXDB_DATA_DIR": f"{folder}/data",
        "INFLUXDB_DATA_WAL_DIR": f"{folder}/wal",
        "INFLUXDB_REPORTING_DISABLED": "true",
        "INFLUXDB_MONITOR_STORE_ENABLED": "false",
        "INFLUXDB_DATA_QUERY_LOG_ENABLED": "false",
        "INFLUXDB_HTTP_LOG_ENABLED": "false",
    }


def _wait(server: subprocess.Popen[str], pattern: str) -> None:
    """Return when the server says that it is ready; its words are read on in a thread."""
    ready = threading.Event()
    found: list[bool] = []
    said: list[str] = []

    def read() -> None:
        assert server.stdout is not None
        with server.stdout as words:
            for line in words:
                if ready.is_set():
                    continue
                said.append(line)
                if re.search(pattern, line):
                    found.append(True)
                    ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True, name=f"words of {server.pid}").start()
    if not ready.wait(START_SECONDS) or not found:
        server.kill()
        server.wait()
        raise RuntimeError(f"the server did not start: {''.join(said[-5:])}")
