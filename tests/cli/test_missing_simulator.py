"""`simulate` and `demo` without the extra that brings the simulated network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from collector.errors import Exit
from tests.support.command import clean_environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

_BLOCKED = """
import sys
from importlib.abc import MetaPathFinder

class Blocker(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
from collector.__main__ import main
main()
"""


def run_without(missing: str, command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in an environment in which a module cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", _BLOCKED.format(missing=missing), command],
        cwd=folder,
        env=clean_environment(folder) | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("missing", ["crn_simulator", "cryptography"])
@pytest.mark.parametrize("command", ["simulate", "demo"])
def test_says_what_to_install(command: str, missing: str, tmp_path: Path) -> None:
    """Without the simulator, or what it needs, the command names the extra and ends with 10."""
    ended = run_without(missing, command, tmp_path)
    assert ended.returncode == Exit.NOT_INSTALLED
    assert ended.stderr.splitlines() == [
        f"error: the simulated network is not installed: no module named '{missing}'",
        "  install it: pip install 'crn-collector[demo]'",
    ]


def test_other_commands_do_without(tmp_path: Path) -> None:
    """Nothing else needs the simulator."""
    ended = run_without("crn_simulator", "check-config", tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
