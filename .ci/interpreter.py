"""Print the path of a Python of a version such as 3.12; exit with 1 if there is none."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


def candidates(version: str) -> list[str]:
    """Return where such an interpreter may be: on the PATH, and where pyenv and uv keep theirs."""
    home = Path.home()
    kept = [
        *home.glob(f".pyenv/versions/{version}*/bin/python3"),
        *home.glob(f".local/share/uv/python/cpython-{version}*/bin/python3"),
    ]
    return [path for path in (shutil.which(f"python{version}"), *map(str, sorted(kept))) if path]


def is_version(path: str, version: str) -> bool:
    """Return whether the interpreter starts and has the version."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def main() -> int:
    """Print the first that works."""
    version = sys.argv[1]
    for path in candidates(version):
        if is_version(path, version):
            sys.stdout.write(f"{path}\n")
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
