"""`python -m grafana.build` writes the files; with `--check` it reports stale ones instead."""

from __future__ import annotations

import argparse
import json
import sys

from grafana.build.files import ROOT, contents, stale
from grafana.build.lint import problems, queries


def main() -> int:
    """Return 0 if all is OK, 1 if a query is wrong or, with `--check`, a file is out of date."""
    parser = argparse.ArgumentParser(prog="python -m grafana.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if out of date")
    check = parser.parse_args().check
    lines = []
    for path, text in contents().items():
        for query in queries(json.loads(text)):
            lines += [f"{path.name}: {problem}: {query}" for problem in problems(query)]
    old = stale()
    if check:
        lines += [f"{path} is not what `python -m grafana.build` writes" for path in old]
    elif not lines:
        for path, text in contents().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    failed = bool(lines)
    lines = lines or [f"{len(contents())} files below {ROOT.name}/ are up to date"]
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
