"""A dashboard around its panels: variables, annotations, links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from grafana.build.grid import Row, grid
from grafana.build.query import DATASOURCE, SELECTED_VANTAGES, Json

TAG: Final = "crn"
FOLDER: Final = "CRN"
NETWORK, NODE, CAPACITY, COLLECTOR, RUNBOOK = (
    "crn-network",
    "crn-node",
    "crn-capacity",
    "crn-collector",
    "crn-runbook",
)
LOOKBACK: Final = "time > now() - 7d"
"""How far names are looked for: 3.x looks back one day unless a query names a time."""


def dashboard(
    uid: str,
    title: str,
    about: str,
    rows: Sequence[Row],
    *,
    variables: Sequence[Json] = (),
    annotations: Sequence[Json] = (),
    back: str = "24h",
    refresh: str = "1m",
) -> Json:
    """The whole dashboard, as Grafana's provisioning reads it."""
    panels = grid(rows)
    return {
        "uid": uid,
        "title": title,
        "description": about,
        "tags": [TAG],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "",
        "weekStart": "",
        "fiscalYearStartMonth": 0,
        "time": {"from": f"now-{back}", "to": "now"},
        "timepicker": {"refresh_intervals": ["1m", "5m", "15m", "1h"]},
        "refresh": refresh,
        "liveNow": False,
        "links": [_siblings()],
        "templating": {"list": list(variables)},
        "annotations": {"list": [_placed(mark, panels) for mark in annotations]},
        "panels": panels,
    }


def datasource() -> Json:
    """Which InfluxDB is queried."""
    return {
        "name": "datasource",
        "label": "InfluxDB",
        "type": "datasource",
        "query": "influxdb",
        "refresh": 1,
        "regex": "",
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "current": {},
        "description": "The database that the collector writes to.",
    }


def variable(
    name: str,
    label: str,
    about: str,
    query: str,
    *,
    everything: bool = False,
    multi: bool = False,
    hide: bool = False,
) -> Json:
    """A choice among what a query finds; `everything` puts All first."""
    return {
        "name": name,
        "label": label,
        "description": about,
        "type": "query",
        "datasource": DATASOURCE,
        "query": query,
        "definition": query,
        "refresh": 1,
        "regex": "",
        "sort": 5,
        "hide": 2 if hide else 0,
        "includeAll": everything,
        "allValue": ".*" if everything else None,
        "multi": multi,
        "options": [],
        "current": {"text": "All", "value": "$__all"} if everything else {},
    }


def vantage() -> Json:
    """The vantages that are shown."""
    return variable(
        "vantage",
        "Vantage",
        "The place from which nodes are visited. All: the average of the vantages.",
        f'SHOW TAG VALUES FROM "network" WITH KEY = "vantage" WHERE {LOOKBACK}',
        everything=True,
        multi=True,
    )


def events(
    name: str,
    kinds: Sequence[str],
    shade: str,
    *where: str,
    on: bool = True,
    panels: Sequence[str] = (),
) -> Json:
    """Events as marks on panels with a time axis: on those of these titles, or on all."""
    either = "|".join(kinds)
    conditions = " AND ".join(
        (f'"kind" =~ /^({either})$/', SELECTED_VANTAGES, *where, "$timeFilter")
    )
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": on,
        "hide": False,
        "iconColor": shade,
        "filter": {"exclude": False, "ids": list(panels)},
        "target": {
            "refId": "Anno",
            "query": f'SELECT "text" FROM "network_event" WHERE {conditions} LIMIT 500',
            "queryType": "tags",
            "fromAnnotations": True,
            "rawQuery": True,
            "textColumn": "text",
            "tagsColumn": "",
            "titleColumn": "",
        },
    }


def node_link(title: str = "Open this node") -> Json:
    """From a row that has `node` and `name` to that node."""
    return {
        "title": title,
        "url": f"/d/{NODE}/{quote('node')}?var-node=${{__data.fields.node}}"
        "&var-name=${__data.fields.name:percentencode}"
        "&${datasource:queryparam}&${__url_time_range}",
        "targetBlank": False,
    }


def dashboard_link(uid: str, title: str) -> Json:
    """From a panel to another dashboard, over the same range."""
    return {
        "title": title,
        "url": f"/d/{uid}?${{datasource:queryparam}}&${{__url_time_range}}",
        "targetBlank": False,
    }


def _placed(mark: Json, panels: Sequence[Json]) -> Json:
    """An annotation with the titles of its panels made ids."""
    titles = mark["filter"]["ids"]
    numbers = {panel["title"]: panel["id"] for panel in panels}
    if not titles:
        return {key: value for key, value in mark.items() if key != "filter"}
    return mark | {"filter": {"exclude": False, "ids": [numbers[title] for title in titles]}}


def _siblings() -> Json:
    """The other dashboards of this family, beside the title."""
    return {
        "type": "dashboards",
        "title": "CRN dashboards",
        "tags": [TAG],
        "asDropdown": True,
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }
