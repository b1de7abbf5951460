"""A real InfluxDB 2.x for tests: found, started on a free loopback port, set up, and stopped."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import servers
from database import Database

HOME = Path.home() / ".cache" / "crn-collector" / "servers"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
TOKEN = "only-for-this-test"


@cache
def binaries() -> tuple[Path, ...]:
    """Every `influxd` of generation 2 that is here."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), servers.CACHE, HOME]
    found = {
        binary.resolve(): None
        for folder in folders
        for binary in sorted(Path(folder).glob("influxd*"))
        if os.access(binary, os.X_OK) and binary.is_file()
    }
    return tuple(binary for binary in found if _is_generation_2(binary))


def _is_generation_2(binary: Path) -> bool:
    """2.x says when it was built; 1.x does not."""
    answer = subprocess.run(
        [binary, "version"], capture_output=True, text=True, timeout=30, check=False
    )
    return answer.returncode == 0 and "build_date" in answer.stdout


@contextmanager
def running(binary: Path) -> Iterator[Database]:
    """Start a server with a temporary data folder."""
    folder = tempfile.mkdtemp(prefix="influxd-")
    command = [binary, "--http-bind-address", "127.0.0.1:0", "--reporting-disabled"]
    command += ["--bolt-path", f"{folder}/bolt", "--engine-path", f"{folder}/engine"]
    command += ["--sqlite-path", f"{folder}/sqlite", "--log-level", "info"]
    environment = {"HOME": folder, "PATH": os.environ.get("PATH", "")}
    server = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        with server:
            try:
                yield _set_up(_wait(server))
            finally:
                server.terminate()
                try:
                    server.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _set_up(url: str) -> Database:
    """Give the new server its first user, organisation and token."""
    wanted = {"username": "test", "password": "only-a-test", "org": "test", "bucket": "first"}
    body = json.dumps(wanted | {"token": TOKEN}).encode()
    answer = json.loads(Database(url, 2).call("/api/v2/setup", {}, body))
    return Database(url, 2, TOKEN, answer["org"]["id"])


def _wait(server: subprocess.Popen[str]) -> str:
    """The address that the server says it listens on; read on in a thread."""
    ready = threading.Event()
    address: list[str] = []
    said: list[str] = []

    def read() -> None:
        for line in server.stdout or ():
            said.append(line)
            if "Listening" in line and (found := re.search(r"port=(\d+)|:(\d+)\"?$", line)):
                address.append(found[1] or found[2])
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    if not ready.wait(START_SECONDS) or not address:
        raise RuntimeError(f"the server did not start: {''.join(said[-5:])}")
    return f"http://127.0.0.1:{address[0]}"
