"""Which nodes have what."""

from __future__ import annotations

from grafana.build import transformations as transform
from grafana.build.capacity.queries import FREE, HIDDEN, NODE_COLUMN, SELECTED_MODELS
from grafana.build.field import graded, override
from grafana.build.grid import Row, row
from grafana.build.panel import table
from grafana.build.query import SELECTED_VANTAGES, each


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
                    SELECTED_VANTAGES,
                    SELECTED_MODELS,
                    by=["node", "name", "model"],
                ),
                transformations=[
                    transform.sort("available", largest_first=True),
                    transform.columns("name", "model", "available", "total", "node"),
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
                    SELECTED_VANTAGES,
                    by=["node", "name"],
                ),
                transformations=[
                    transform.sort("mem_available_bytes", largest_first=True),
                    transform.limit(50),
                    transform.columns(
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
