"""RuleQuery every panel through Grafana, and say how long each took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grafana.build.query import Json
from grafana.build.rule import SOURCE
from grafana.check.api import Grafana, RefusedError
from grafana.check.document import filled, panels_with_queries

STEPS: Final = 700
"""About as many as a panel half as wide as the screen has room for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one panel got."""

    panel: str
    rows: int
    seconds: float
    problem: str = ""


def query_panels(grafana: Grafana, dashboard: Json, hours: float) -> Iterator[Answer]:
    """Every panel of a dashboard over the last hours, all its queries in one request."""
    chosen = {"vantage": ".*", "model": ".*"} | _some_node(grafana)
    now = int(time.time() * 1000)
    for panel in panels_with_queries(dashboard):
        since = panel.get("timeFrom")
        span = int(since[:-1]) * 60 if since else hours * 3600
        steps = panel.get("maxDataPoints", STEPS)
        queries = [
            target
            | {
                "datasource": {"type": "influxdb", "uid": SOURCE},
                "query": filled(target["query"], chosen),
                "intervalMs": max(60_000, _rounded(span * 1000 / steps)),
                "maxDataPoints": steps,
            }
            for target in panel["targets"]
        ]
        body = {"queries": queries, "from": str(int(now - span * 1000)), "to": str(now)}
        name = f"{dashboard['title']} / {panel['title']}"
        begun = time.perf_counter()
        try:
            results = grafana.call("/api/ds/query", body)["results"].values()
        except RefusedError as refused:
            yield Answer(name, 0, time.perf_counter() - begun, str(refused))
            continue
        took = time.perf_counter() - begun
        problem = next((one["error"] for one in results if "error" in one), "")
        frames = [frame for one in results for frame in one.get("frames", [])]
        rows = sum(len(frame["data"]["values"][0]) for frame in frames if frame["data"]["values"])
        yield Answer(name, rows, took, problem)


def _some_node(grafana: Grafana) -> dict[str, str]:
    """A node that the database knows, one with GPUs if there is one."""
    now = int(time.time() * 1000)
    for measurement in ("crn_gpu", "crn_reachability"):
        query = {
            "refId": "A",
            "datasource": {"type": "influxdb", "uid": SOURCE},
            "rawQuery": True,
            "resultFormat": "time_series",
            "query": f'SELECT last("{"total" if measurement == "crn_gpu" else "lost"}") FROM '
            f'"{measurement}" WHERE $timeFilter GROUP BY "node", "name"',
        }
        body = {"queries": [query], "from": str(now - 3_600_000), "to": str(now)}
        frames = grafana.call("/api/ds/query", body)["results"]["A"].get("frames", [])
        for frame in frames:
            for field in frame["schema"]["fields"]:
                if labels := field.get("labels"):
                    return {"node": labels["node"], "name": labels["name"]}
    return {"node": "", "name": ""}


def _rounded(milliseconds: float) -> int:
    """A step as Grafana would take it, near enough."""
    minutes = milliseconds / 60_000
    for step in (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 360, 720):
        if minutes <= step:
            return step * 60_000
    return 1440 * 60_000
