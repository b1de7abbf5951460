"""The Capacity dashboard: what there is, what is free, where, and what was free when."""

from __future__ import annotations

from grafana.build import reshape
from grafana.build.dashboard import (
    CAPACITY,
    LOOKBACK,
    dashboard,
    datasource,
    events,
    node_link,
    vantage,
    variable,
)
from grafana.build.field import HIDE_ZEROS, colour, graded, override, thresholds
from grafana.build.grid import Row, row
from grafana.build.panel import lines, stat, states, table
from grafana.build.query import SEEN_FROM, Json, Query, each, trend
from grafana.build.words import BAD, CALM, GOOD, MUTED, WARN

THESE_MODELS = '"model" =~ /^${model:regex}$/'
FREE = thresholds(BAD, (1, WARN), (3, GOOD))
NODE_COLUMN = override("name", displayName="Node", links=[node_link()], custom__minWidth=150)
HIDDEN = override("node", custom__hidden=True)


def build() -> Json:
    """The whole dashboard."""
    return dashboard(
        CAPACITY,
        "CRN capacity",
        "CPUs, memory, disk and GPUs of the network: all, free, where, and over time.",
        [_now(), _gpus(), _when(), _resources(), _growth(), _where()],
        variables=[
            datasource(),
            vantage(),
            variable(
                "model",
                "GPU model",
                "GPU models that are shown.",
                f'SHOW TAG VALUES FROM "network_gpu" WITH KEY = "model" WHERE {LOOKBACK}',
                everything=True,
                multi=True,
            ),
        ],
        annotations=[
            events("GPUs added", ("gpu_added",), GOOD),
            events("GPUs removed", ("gpu_removed",), WARN),
            events("Joined and left", ("joined", "left"), CALM, on=False),
        ],
        back="2d",
        refresh="5m",
    )


def _sum(fields: str) -> Query:
    return trend(fields, "network", SEEN_FROM)


def _now() -> Row:
    free = thresholds(BAD, (0.1, WARN), (0.25, GOOD))
    return row(
        4,
        (
            4,
            stat(
                "GPUs free",
                "Cards that nobody uses, on the nodes that answered.",
                _sum('mean("gpu_available") AS "Free"'),
                levels=FREE,
                decimals=0,
            ),
        ),
        (
            4,
            stat(
                "GPUs",
                "All cards of the nodes that answered.",
                _sum('mean("gpu_total") AS "GPUs"'),
                decimals=0,
            ),
        ),
        (
            4,
            stat(
                "Memory free",
                "Share of the memory of all nodes that is free.",
                _sum('mean("mem_available_bytes") / mean("mem_total_bytes") AS "Free"'),
                unit="percentunit",
                decimals=1,
                levels=free,
            ),
        ),
        (
            4,
            stat(
                "Disk free",
                "Share of the disk of all nodes that is free and not reserved.",
                _sum('mean("disk_available_bytes") / mean("disk_total_bytes") AS "Free"'),
                unit="percentunit",
                decimals=1,
                levels=free,
            ),
        ),
        (
            4,
            stat(
                "CPUs",
                "Logical CPUs of the nodes that answered.",
                _sum('mean("cpu_total") AS "CPUs"'),
                decimals=0,
            ),
        ),
        (
            4,
            stat(
                "Nodes measured",
                "Nodes whose resources were read in the round. All sums here are of these: a "
                "node that does not answer has no capacity to offer.",
                _sum('mean("nodes_measured") AS "Nodes"'),
                decimals=0,
            ),
        ),
    )


def _gpus() -> Row:
    number = {"custom__width": 75}
    return row(
        10,
        (
            10,
            table(
                "GPUs by model",
                "Cards of each model in the newest round: all, used, free, and on how many nodes.",
                each(
                    'last("total") AS "total", last("used") AS "used", '
                    'last("available") AS "available", last("nodes") AS "nodes"',
                    "network_gpu",
                    SEEN_FROM,
                    THESE_MODELS,
                    by=["model"],
                ),
                transformations=[
                    reshape.keep_all(("total", "greater", 0)),
                    reshape.sort("total", largest_first=True),
                    reshape.columns("model", "total", "used", "available", "nodes"),
                ],
                overrides=[
                    override("model", displayName="Model"),
                    override("total", displayName="All", **number),
                    override("used", displayName="Used", **number),
                    override(
                        "available",
                        displayName="Free",
                        **graded(FREE),
                        **number,
                    ),
                    override("nodes", displayName="Nodes", **number),
                ],
                since="15m",
            ),
        ),
        (
            14,
            lines(
                "GPUs free, by model",
                "Cards that nobody uses. A model that stays at zero all the time is left out.",
                trend(
                    'mean("available")',
                    "network_gpu",
                    SEEN_FROM,
                    THESE_MODELS,
                    by=["model"],
                    alias="$tag_model",
                ),
                overrides=[HIDE_ZEROS],
                stack=True,
                steps=True,
                low=0,
                decimals=0,
                legend="right",
                calcs=["lastNotNull", "min"],
            ),
        ),
    )


def _when() -> Row:
    return row(
        9,
        (
            24,
            states(
                "What was free when",
                "Free cards of each model, step by step: red none, orange one or two, green "
                "three or more. An empty step: nothing was measured.",
                trend(
                    'last("available")',
                    "network_gpu",
                    SEEN_FROM,
                    THESE_MODELS,
                    by=["model"],
                    alias="$tag_model",
                ),
                levels=FREE,
                cells=True,
                steps=48,
                legend=False,
            ),
        ),
    )


def _resources() -> Row:
    def used(width: int, title: str, total: str, free: str, unit: str) -> tuple[int, Json]:
        return (
            width,
            lines(
                title,
                f"{title} of the nodes that answered: used, and all there is.",
                _sum(f'mean("{total}") AS "All", mean("{total}") - mean("{free}") AS "Used"'),
                unit=unit,
                low=0,
                overrides=[
                    override("All", color=colour(MUTED), custom__fillOpacity=0),
                    override("Used", color=colour(CALM), custom__fillOpacity=25),
                ],
            ),
        )

    return row(
        8,
        used(8, "Memory", "mem_total_bytes", "mem_available_bytes", "decbytes"),
        used(8, "Disk", "disk_total_bytes", "disk_available_bytes", "decbytes"),
        used(8, "GPUs", "gpu_total", "gpu_available", "short"),
    )


def _growth() -> Row:
    def grown(title: str, field: str) -> tuple[int, Json]:
        return (
            4,
            stat(
                f"{title} ±",
                f"{title} at the end of the range against its start.",
                _sum(f'mean("{field}") AS "{title}"'),
                unit="percentunit",
                decimals=1,
                calc="diffperc",
                spark=False,
                levels=thresholds(WARN, (-0.001, MUTED), (0.001, GOOD)),
            ),
        )

    return row(
        4,
        grown("Listed", "nodes"),
        grown("Measured", "nodes_measured"),
        grown("CPUs", "cpu_total"),
        grown("Memory", "mem_total_bytes"),
        grown("Disk", "disk_total_bytes"),
        grown("GPUs", "gpu_total"),
        title="Growth over the range",
    )


def _where() -> Row:
    number = {"custom__width": 80}
    size = {"unit": "decbytes", "custom__width": 110}
    return row(
        12,
        (
            10,
            table(
                "Where GPUs are",
                "Every node with GPUs of the chosen models, those with free cards first.",
                each(
                    'last("total") AS "total", last("available") AS "available"',
                    "crn_gpu",
                    SEEN_FROM,
                    THESE_MODELS,
                    by=["node", "name", "model"],
                ),
                transformations=[
                    reshape.sort("available", largest_first=True),
                    reshape.columns("name", "model", "available", "total", "node"),
                ],
                overrides=[
                    NODE_COLUMN,
                    override("model", displayName="Model", custom__minWidth=120),
                    override(
                        "available",
                        displayName="Free",
                        **graded(FREE),
                        **number,
                    ),
                    override("total", displayName="All", **number),
                    HIDDEN,
                ],
                since="15m",
            ),
        ),
        (
            14,
            table(
                "Most free memory",
                "The 50 nodes with the most free memory, and what else they have.",
                each(
                    'last("mem_available_bytes") AS "mem_available_bytes", '
                    'last("mem_total_bytes") AS "mem_total_bytes", '
                    'last("disk_available_bytes") AS "disk_available_bytes", '
                    'last("cpu_count") AS "cpu_count", last("load5") AS "load5"',
                    "crn_usage",
                    SEEN_FROM,
                    by=["node", "name"],
                ),
                transformations=[
                    reshape.sort("mem_available_bytes", largest_first=True),
                    reshape.first(50),
                    reshape.columns(
                        "name",
                        "mem_available_bytes",
                        "mem_total_bytes",
                        "disk_available_bytes",
                        "cpu_count",
                        "load5",
                        "node",
                    ),
                ],
                overrides=[
                    NODE_COLUMN,
                    override("mem_available_bytes", displayName="Memory free", **size),
                    override("mem_total_bytes", displayName="Memory", **size),
                    override("disk_available_bytes", displayName="Disk free", **size),
                    override("cpu_count", displayName="CPUs", **number),
                    override("load5", displayName="Load", decimals=1, **number),
                    HIDDEN,
                ],
                since="15m",
            ),
        ),
        title="Where",
    )
