"""The dashboards and rules as Grafana reads them, and a query as Grafana would send it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

GRAFANA = Path(__file__).parents[2] / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")


def load(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel that asks something."""
    yield from (panel for panel in dashboard["panels"] if panel.get("targets"))


def panel_query(dashboard: str, title: str, ref: str = "A") -> str:
    """The query of a panel, by its dashboard and title."""
    (path,) = [path for path in DASHBOARDS if path.stem == dashboard]
    (found,) = [
        target["query"]
        for panel in panels(load(path))
        for target in panel["targets"]
        if panel["title"] == title and target["refId"] == ref
    ]
    return str(found)


def rules() -> list[dict[str, Any]]:
    """Every alert rule."""
    document = load(GRAFANA / "provisioning" / "alerting" / "rules.json")
    return [rule for group in document["groups"] for rule in group["rules"]]


def sent(query: str, begin: int, end: int, *, step: int = 60, now: int = 0, **chosen: str) -> str:
    """A query with its variables and macros filled in."""
    for name, value in {"vantage": ".*", "model": ".*"}.items():
        query = query.replace(f"${{{name}:regex}}", chosen.get(name) or value)
    for name, value in chosen.items():
        query = query.replace(f"${{{name}:regex}}", SPECIAL.sub(r"\\\g<0>", value))
    query = query.replace("$timeFilter", f"time >= {begin}000ms and time <= {end}000ms")
    query = query.replace("$__interval", f"{step}s")
    return query.replace("now()", f"{now or end}s")
