"""What signals do to a process that has no event loop yet."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.errors import Exit
from tests.support.command import clean_environment

ROOT = Path(__file__).parents[2]
PROCESS_1 = ("unshare", "--user", "--map-root-user", "--pid", "--fork")

IMPORTING = """
import os, sys
from importlib.abc import MetaPathFinder

class Signaller(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "collector.cli.main":
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Signaller())
sys.argv[1:] = ["check-config"]
from collector.__main__ import main
main()
"""
"""Runs a command that gets a signal before its first slow import."""


def run(
    number: signal.Signals, folder: Path, before: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command that gets the signal at its start."""
    return subprocess.run(
        [*before, sys.executable, "-c", IMPORTING.format(number=int(number))],
        cwd=ROOT,
        env=clean_environment(folder) | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, -signal.SIGTERM),
        (signal.SIGHUP, -signal.SIGHUP),
        (signal.SIGINT, Exit.INTERRUPTED),
    ],
    ids=["SIGTERM", "SIGHUP", "SIGINT"],
)
def test_a_signal_before_the_imports_ends_at_once(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    """In its first second too the command ends by the signal, without a traceback."""
    done = run(number, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_process_1_of_a_container_ends_too(number: signal.Signals, tmp_path: Path) -> None:
    """The kernel ignores signals of process 1 that have no handler: it exits with 128 + number."""
    if subprocess.run([*PROCESS_1, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody make a PID namespace")
    assert run(number, tmp_path, PROCESS_1).returncode == 128 + number


def test_nohup_is_respected(tmp_path: Path) -> None:
    """Where SIGHUP was ignored before the start, it stays ignored."""
    done = run(signal.SIGHUP, tmp_path, ("nohup",))
    assert done.returncode == 0
    assert "CRN_VANTAGE" in done.stdout
