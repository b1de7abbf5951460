"""The dashboards as they are checked in, and a query of theirs with its variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from grafana.build.files import ROOT
from grafana.build.query import Json

ROW: Final = 38
"""Pixels of a row of the grid, with the gap below it."""
CHROME: Final = 160
"""Pixels above and below the panels in kiosk mode: variables, in two lines, and the foot."""
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")


def dashboards() -> list[Json]:
    """Every dashboard."""
    paths = sorted((ROOT / "dashboards").glob("*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def panels_with_queries(dashboard: Json) -> Iterator[Json]:
    """Its panels that ask something."""
    yield from (panel for panel in dashboard["panels"] if panel.get("targets"))


def filled(query: str, chosen: Mapping[str, str]) -> str:
    """A query with the variables of its dashboard, as the browser would fill them in."""
    for name, value in chosen.items():
        pattern = value if value == ".*" else _SPECIAL.sub(r"\\\g<0>", value)
        query = query.replace(f"${{{name}:regex}}", pattern)
    return query


def height(dashboard: Json) -> int:
    """Pixels that it takes when all of it is shown at once."""
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    return int(rows) * ROW + CHROME
