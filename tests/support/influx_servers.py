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
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.server_cache import CACHE, free_port

START_SECONDS = 60.0
STOP_SECONDS = 20.0
ANSWER_SECONDS = 30.0

KINDS = ("1.6", "1.8", "2.7")
"""What CI must have."""
KINDS_1 = ("1.6", "1.8")
"""Servers of generation 1."""
_ORG, _TOKEN = "tests", "token-of-the-tests"
_READY = {
    "1.6": r"Listening for signals",
    "1.8": r"Listening for signals",
    "2.7": r"msg=Listening .*transport=http|Listening\s.*\"transport\": \"http\"",
    "3": r"startup time|startup complete",
}


@dataclass(frozen=True)
class Influx:
    """A running InfluxDB."""

    url: str
    kind: str = "1.8"
    token: str = field(default="", repr=False)
    org: str = ""

    def ask(
        self, path: str, body: bytes | None = None, method: str = "", **query: str
    ) -> tuple[int, str]:
        """Make one request, a POST if there is a body; return the status and the text.

        What is configured is declared as JSON.
        """
        target = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        headers = {"Authorization": f"Token {self.token}"} if self.token else {}
        if "/configure/" in path:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(
            target, data=body, headers=headers, method=method or ("GET" if body is None else "POST")
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def rows(self, database: str, query: str) -> list[dict[str, Any]]:
        """Return the rows of an InfluxQL query, tags of its groups included; times in seconds."""
        status, text = self.ask("/query", q=query, db=database, epoch="s")
        content = json.loads(text) if status == 200 else {}
        results = content.get("results", [{"error": f"{status} {text}"}])
        if "error" in results[0]:
            raise RuntimeError(results[0]["error"])
        return [
            dict(zip(series["columns"], row, strict=True)) | series.get("tags", {})
            for series in results[0].get("series", ())
            for row in series["values"]
        ]


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
        """How a client reaches it."""
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
    """Yield a server of this kind; skips the test, in CI fails it, if there is none."""
    instance = Instance(kind, needed(kind))
    try:
        yield instance.start()
    finally:
        instance.remove()


def needed(kind: str) -> Path:
    """Return the binary of this kind; skips the test, in CI fails it, if there is none."""
    binary = binaries().get(kind)
    if binary is None:
        reason = f"no InfluxDB {kind}: `make servers` gets it"
        if os.environ.get("CI") and kind in KINDS:
            pytest.fail(reason)
        pytest.skip(reason)
    return binary


@cache
def binaries() -> dict[str, Path]:
    """Return the path of every server that is installed, by kind."""
    folders = [Path(f) for f in [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin"]]
    found: dict[str, Path] = {}
    for folder in (*folders, CACHE):
        for binary in sorted(folder.glob("influxd*")):
            if os.access(binary, os.X_OK) and binary.is_file() and (kind := _kind(binary)):
                found.setdefault(kind, binary.resolve())
    if named := os.environ.get("INFLUXDB3"):
        found["3"] = Path(named)
    return found


def _kind(binary: Path) -> str | None:
    """Return the kind by name or version; a server built from source does not know its version."""
    if by_name := re.search(r"influxd-([\d.]+)$", binary.name):
        return by_name[1]
    answer = subprocess.run(
        [binary, "version"], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
    )
    if "build_date" in answer.stdout:
        return "2.7"
    version = re.search(r"InfluxDB v?(\d+\.\d+|unknown)", answer.stdout)
    return {"unknown": "1.8"}.get(version[1], version[1]) if version else None


def _arguments(kind: str, folder: str, port: int) -> list[str]:
    if kind.startswith("1"):
        return ["run", "-config", os.devnull]
    if kind == "3":
        address = f"127.0.0.1:{port}"
        return [
            *("serve", "--node-id", "tests", "--object-store", "file", "--data-dir", folder),
            *("--http-bind", address, "--without-auth", "--disable-telemetry-upload"),
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
    """Return when the server logs that it is ready; a thread goes on reading its log."""
    log = _ServerLog(server, pattern)
    log.start()
    if not log.wait(START_SECONDS):
        server.kill()
        server.wait()
        raise RuntimeError(f"the server did not start: {log.tail}")


class _ServerLog(threading.Thread):
    """Reads what a server logs, so that its pipe never fills."""

    def __init__(self, server: subprocess.Popen[str], pattern: str) -> None:
        super().__init__(daemon=True, name=f"log of {server.pid}")
        self._server = server
        self._pattern = pattern
        self._lines: deque[str] = deque(maxlen=5)
        self._ended = threading.Event()
        self._is_ready = False

    @property
    def tail(self) -> str:
        """The last lines before it was ready."""
        return "".join(self._lines)

    def wait(self, seconds: float) -> bool:
        """Return whether the server got ready within so many seconds."""
        self._ended.wait(seconds)
        return self._is_ready

    def run(self) -> None:
        """Read until the server ends."""
        assert self._server.stdout is not None
        with self._server.stdout as lines:
            for line in lines:
                if self._is_ready:
                    continue
                self._lines.append(line)
                if re.search(self._pattern, line):
                    self._is_ready = True
                    self._ended.set()
        self._ended.set()
