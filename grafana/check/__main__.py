"""`python -m grafana.check` queries a real Grafana, evaluates its rules and takes pictures."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

from grafana.check.api import Grafana, RefusedError
from grafana.check.document import dashboards
from grafana.check.panel_check import Answer, query_panels
from grafana.check.picture import browser, picture, proxy
from grafana.check.provision import provision
from grafana.check.rule_check import evaluate_rules, states


def main() -> int:
    """Return 0 if all is OK, 1 if a panel or rule is not, 2 if no Grafana is named."""
    parser = argparse.ArgumentParser(prog="python -m grafana.check", description=__doc__)
    parser.add_argument("--hours", type=float, default=24, help="range that is queried")
    parser.add_argument("--pictures", type=Path, help="folder for the pictures; none without")
    arguments = parser.parse_args()
    grafana = Grafana.of_environment()
    if grafana is None:
        _print("set GRAFANA_URL, and GRAFANA_USER and GRAFANA_PASSWORD or GRAFANA_TOKEN")
        return 2
    try:
        return _check(grafana, arguments.hours, arguments.pictures)
    except (RefusedError, OSError) as error:
        _print(f"! {grafana.url}: {error}")
        return 1


def _check(grafana: Grafana, hours: float, pictures: Path | None) -> int:
    _print(f"Grafana {grafana.call('/api/health')['version']}")
    if grafana.find("/api/plugins/influxdb/settings") is None:
        _print("! it has no data source for InfluxDB: docs/dashboards.md, «Versions of Grafana»")
        return 1
    for made in provision(grafana):
        _print(f"made: {made}")
    problems = _panels(grafana, hours) + _rules(grafana)
    if pictures:
        problems += _pictures(grafana, pictures, hours)
    _print(f"{problems} problems" if problems else "no problems")
    return 1 if problems else 0


def _panels(grafana: Grafana, hours: float) -> int:
    answers = [one for board in dashboards() for one in query_panels(grafana, board, hours)]
    for answer in sorted(answers, key=lambda answer: answer.seconds, reverse=True):
        _print(_line(answer))
    return sum(bool(answer.problem) for answer in answers)


def _line(answer: Answer) -> str:
    result = f"! {answer.problem}" if answer.problem else "" if answer.rows else "empty"
    return (
        f"{answer.seconds * 1000:7.0f} ms {answer.rows:6d} rows  {answer.panel}  {result}".rstrip()
    )


def _rules(grafana: Grafana) -> int:
    lines = [*evaluate_rules(grafana), *states(grafana, threading.Event())]
    for line in lines:
        _print(line)
    return sum(line.startswith("!") for line in lines)


def _pictures(grafana: Grafana, folder: Path, hours: float) -> int:
    chromium = browser()
    if chromium is None:
        _print("! no chromium on the PATH: no pictures")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    with proxy(grafana) as address:
        for board in dashboards():
            for theme in ("dark", "light"):
                target = folder / f"{board['uid']}-{theme}.png"
                back = f"{int(hours * 60)}m"
                taken = picture(chromium, address, board, theme, back, target)
                failed += not taken
                _print(f"{'' if taken else '! no '}picture {target}")
    return failed


def _print(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
