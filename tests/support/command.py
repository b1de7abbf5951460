"""The command as a test runs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def clean_environment(home: Path) -> dict[str, str]:
    """This environment without our variables, with a home of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CRN_")}
    return kept | {"HOME": str(home), "XDG_DATA_HOME": str(home / "share"), "COLUMNS": "200"}
