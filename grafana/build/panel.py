"""Panels in Grafana's classic model. Position and id are given by the grid."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any, Final

from collector.schema.column import ColumnKind
from collector.schema.measurements import MEASUREMENTS
from grafana.build.field import pattern, thresholds
from grafana.build.query import DATASOURCE, Json, Query

COUNT: Final = "locale"
"""Whole numbers with separators: 1,180 and not 1 K."""
FINEST: Final = "1m"
"""A round a minute: finer steps would be empty."""
_TEXTS: Final = sorted(
    {
        column.name
        for measurement in MEASUREMENTS
        for column in measurement.columns()
        if column.kind in (ColumnKind.TAG, ColumnKind.TEXT)
    }
)
_TEXT: Final = pattern(f"^({'|'.join(_TEXTS)})$", unit="string")
"""Otherwise a name or an address that looks like a number is shown as one."""


def stat(
    title: str,
    about: str,
    *queries: Query,
    unit: str = COUNT,
    levels: Json | None = None,
    mappings: Sequence[Json] = (),
    overrides: Sequence[Json] = (),
    calc: str = "lastNotNull",
    fields: str = "",
    spark: bool = True,
    decimals: int | None = None,
    links: Sequence[Json] = (),
    text_size: int | None = None,
    since: str | None = None,
    empty: str = "",
) -> Json:
    """One number that can be read from across the room."""
    options: Json = {
        "reduceOptions": {"calcs": [calc], "fields": fields, "values": False},
        "colorMode": "value",
        "graphMode": "area" if spark else "none",
        "textMode": "value",
        "justifyMode": "auto",
        "orientation": "auto",
        "wideLayout": True,
    }
    if text_size:
        options["text"] = {"valueSize": text_size}
    panel = _panel("stat", title, about, queries, unit, levels, mappings, overrides, decimals)
    panel["fieldConfig"]["defaults"]["links"] = list(links)
    if empty:
        panel["fieldConfig"]["defaults"]["noValue"] = empty
    return panel | {"options": options} | _since(since)


def lines(
    title: str,
    about: str,
    *queries: Query,
    unit: str = COUNT,
    levels: Json | None = None,
    overrides: Sequence[Json] = (),
    stack: bool = False,
    fill: int = 8,
    bars: bool = False,
    steps: bool = False,
    decimals: int | None = None,
    low: float | None = None,
    high: float | None = None,
    calcs: Sequence[str] = (),
    legend: str = "bottom",
    limits: bool = False,
    soft_high: float | None = None,
    empty: str = "",
) -> Json:
    """Values over time; stacked when they are parts of one whole."""
    custom: Json = {
        "drawStyle": "bars" if bars else "line",
        "lineInterpolation": "stepAfter" if steps else "linear",
        "lineWidth": 1,
        "fillOpacity": 70 if stack or bars else fill,
        "gradientMode": "none",
        "showPoints": "never",
        "spanNulls": False,
        "axisBorderShow": False,
        "axisLabel": "",
        "barAlignment": 0,
        "scaleDistribution": {"type": "linear"},
        "stacking": {"mode": "normal" if stack else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if limits else "off"},
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
    }
    if stack:
        custom["lineWidth"] = 0
    if soft_high is not None:
        custom["axisSoftMax"] = soft_high
    panel = _panel("timeseries", title, about, queries, unit, levels, (), overrides, decimals)
    defaults = panel["fieldConfig"]["defaults"]
    defaults |= {"custom": custom, "color": {"mode": "palette-classic"}}
    if low is not None:
        defaults["min"] = low
    if high is not None:
        defaults["max"] = high
    if empty:
        defaults["noValue"] = empty
    return panel | {
        "options": {
            "legend": {
                "displayMode": "table" if calcs else "list",
                "placement": legend,
                "showLegend": True,
                "calcs": list(calcs),
            }
            | ({"sortBy": "Last *", "sortDesc": True} if calcs else {}),
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    }


def table(
    title: str,
    about: str,
    *queries: Query,
    transformations: Sequence[Json] = (),
    overrides: Sequence[Json] = (),
    sort: tuple[str, bool] | None = None,
    since: str | None = None,
    empty: str = "",
) -> Json:
    """Rows; `sort` names the shown column and whether the largest comes first."""
    plain = [_TEXT, *overrides]
    panel = _panel("table", title, about, queries, COUNT, None, (), plain, None)
    panel["fieldConfig"]["defaults"]["custom"] = {
        "align": "auto",
        "cellOptions": {"type": "auto"},
        "minWidth": 60,
        "inspect": False,
        "filterable": False,
    }
    if empty:
        panel["fieldConfig"]["defaults"]["noValue"] = empty
    options: Json = {
        "showHeader": True,
        "cellHeight": "sm",
        "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
        "sortBy": [{"displayName": sort[0], "desc": sort[1]}] if sort else [],
    }
    return panel | {"options": options, "transformations": list(transformations)} | _since(since)


def bars(
    title: str,
    about: str,
    *queries: Query,
    unit: str = COUNT,
    levels: Json | None = None,
    overrides: Sequence[Json] = (),
    transformations: Sequence[Json] = (),
    whole_table: bool = False,
    since: str | None = None,
    high: float | None = None,
    low: float | None = 0,
    empty: str = "",
) -> Json:
    """Horizontal bars, a name before each."""
    panel = _panel("bargauge", title, about, queries, unit, levels, (), overrides, None)
    # Grafana leaves the name of a single bar out unless names are asked for.
    panel["fieldConfig"]["defaults"]["displayName"] = "${__field.name}"
    if empty:
        panel["fieldConfig"]["defaults"]["noValue"] = empty
    if low is not None:
        panel["fieldConfig"]["defaults"]["min"] = low
    if high is not None:
        panel["fieldConfig"]["defaults"]["max"] = high
    options: Json = {
        "reduceOptions": {
            "calcs": ["lastNotNull"],
            "fields": "",
            "values": whole_table,
            "limit": 25,
        },
        "orientation": "horizontal",
        "displayMode": "basic",
        "text": {"titleSize": 12, "valueSize": 14},
        "valueMode": "text",
        "showUnfilled": True,
        "sizing": "manual",
        "minVizWidth": 8,
        "minVizHeight": 12,
        "maxVizHeight": 22,
        "namePlacement": "auto",
    }
    return panel | {"options": options, "transformations": list(transformations)} | _since(since)


def states(
    title: str,
    about: str,
    *queries: Query,
    mappings: Sequence[Json] = (),
    overrides: Sequence[Json] = (),
    levels: Json | None = None,
    cells: bool = False,
    unit: str = COUNT,
    legend: bool = True,
    steps: int | None = None,
) -> Json:
    """What held when: a bar for each series, coloured by its state; or a cell for each step."""
    kind = "status-history" if cells else "state-timeline"
    panel = _panel(kind, title, about, queries, unit, levels, mappings, overrides, None)
    panel["fieldConfig"]["defaults"]["custom"] = {
        "fillOpacity": 80,
        "lineWidth": 0,
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
    }
    if not cells:  # by thresholds, numbers would be merged into ranges and lose their words
        panel["fieldConfig"]["defaults"]["color"] = {"mode": "palette-classic"}
    if steps:
        panel["maxDataPoints"] = steps
    options: Json = {
        "rowHeight": 0.85 if cells else 0.7,
        "showValue": "auto",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": legend},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    if cells:
        options |= {"colWidth": 0.95}
    else:
        options |= {"mergeValues": True, "alignValue": "left"}
    return panel | {"options": options}


def text(title: str, markdown: str) -> Json:
    """Prose."""
    return {
        "type": "text",
        "title": title,
        "description": "",
        "options": {"mode": "markdown", "content": markdown},
    }


def _panel(
    kind: str,
    title: str,
    about: str,
    queries: Sequence[Query],
    unit: str,
    levels: Json | None,
    mappings: Sequence[Json],
    overrides: Sequence[Json],
    decimals: int | None,
) -> Json:
    defaults: dict[str, Any] = {
        "unit": unit,
        "color": {"mode": "thresholds"},
        "thresholds": levels or thresholds("blue"),
        "mappings": list(mappings),
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": DATASOURCE,
        "interval": FINEST,
        "targets": [query.target(ascii_uppercase[i]) for i, query in enumerate(queries)],
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "transformations": [],
    }


def _since(since: str | None) -> Json:
    """RuleQuery only the last while, when the dashboard's range ends now."""
    return {"timeFrom": since, "hideTimeOverride": True} if since else {}
