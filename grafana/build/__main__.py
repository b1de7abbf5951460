"""`python -m grafana.build` writes the files; with `--check` it only says which are not in step."""

from __future__ import annotations

import argparse
import json
import sys

from grafana.build.files import ROOT, contents, stale
from grafana.build.lint import problems, queries


def main() -> int:
    """0 if all is well, 1 if a query is wrong or, with `--check`, a file is not in step."""
    parser = argparse.ArgumentParser(prog="python -m grafana.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if not in step")
    check = parser.parse_args().check
    said = []
    for path, text in contents().items():
        for query in queries(json.loads(text)):
            said += [f"{path.name}: {problem}: {query}" for problem in problems(query)]
    old = stale()
    if check:
        said += [f"{path} is not what `python -m grafana.build` writes" for path in old]
    elif not said:
        for path, text in contents().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    lines = said or [f"{len(contents())} files below {ROOT.name}/ are in step"]
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
