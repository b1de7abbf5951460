"""Healthy nodes beside every kind of hostile one: the benchmark, small."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

import pytest

from crn_simulator.script.fault import Fault

pytestmark = pytest.mark.slow

HOSTILE: Final = len(Fault) - 1
IMPOSTORS: Final = 7
"""Of ten: the others claim a hash that is listed already, and so are no nodes of their own."""
COMMAND: Final = ("--kinds", "all", "--healthy", "20", "--hostile", str(HOSTILE), "--rounds", "2")


def test_healthy_nodes_beside_hostile_ones() -> None:
    """Whatever the others do, all that is recorded of healthy nodes is true in every round."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.hostile", *COMMAND, "--timeout", "3"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    rounds = json.loads(done.stdout.splitlines()[-1])
    assert [
        (r["healthy"], r["healthy_judged"], r["healthy_blamed"], r["vantage"]) for r in rounds
    ] == [(20, 20, 0, "none")] * 2, done.stdout
    assert [r["hostile"] for r in rounds] == [HOSTILE + IMPOSTORS] * 2
    assert rounds[1]["ipv6_measured"] > 0
