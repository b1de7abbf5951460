"""Which nodes have what."""

from __future__ import annotations

from grafana.build import reshape
from grafana.build.capacity.asking import FREE, HIDDEN, NODE_COLUMN, THESE_MODELS
from grafana.build.field import graded, override
from grafana.build.grid import Row, row
from grafana.build.panel import table
from grafana.build.query import SEEN_FROM, each


def where_row() -> Row:
    """The nodes with GPUs, and those with the most free memory."""
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
                    override("total", displayName="Total", **number),
                    HIDDEN,
                ],
                since="15m",
            ),
        ),
        (
            14,
            table(
                "Most free memory",
                "The 50 nodes with the most free memory, and their other resources.",
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
