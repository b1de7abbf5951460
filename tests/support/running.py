"""The command while it runs: started, its log read, ended."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import clean_environment

FAST = {
    "CRN_ROUNDS__INTERVAL_SECONDS": "10",
    "CRN_ROUNDS__SPREAD_SECONDS": "4",
    "CRN_ROUNDS__DEADLINE_SECONDS": "8",
}
EXIT_SECONDS = 40.0
POLL_SECONDS = 0.05


@contextmanager
def running(folder: Path, *words: object, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """`crn-collector`, with short rounds unless told otherwise; killed at the end if need be."""
    collector = subprocess.Popen(
        [sys.executable, "-m", "collector", *map(str, words)],
        cwd=folder,
        env=clean_environment(folder) | (variables or FAST),
        stderr=subprocess.PIPE,
        text=True,
    )
    with collector:
        try:
            yield collector
        finally:
            if collector.poll() is None:
                collector.kill()


def read_until(collector: subprocess.Popen[str], wanted: Callable[[str], bool]) -> list[str]:
    """Log lines up to the first wanted one."""
    assert collector.stderr
    said = []
    for line in collector.stderr:
        said.append(line)
        if wanted(line):
            return said
    pytest.fail(f"the collector ended before it said so: {''.join(said)}")


def wait_until(collector: subprocess.Popen[str], wanted: Callable[[], bool]) -> None:
    """Return when it is so; fail the test if the command ends before."""
    while not wanted():
        with contextlib.suppress(subprocess.TimeoutExpired):
            collector.wait(POLL_SECONDS)
            pytest.fail("the collector ended before")
