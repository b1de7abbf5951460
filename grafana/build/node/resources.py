"""What the node has, and what of it is used."""

from __future__ import annotations

from grafana.build import transformations as transform
from grafana.build.field import colour, graded, override, thresholds
from grafana.build.grid import Row, row
from grafana.build.labels import CALM, GOOD, MUTED
from grafana.build.node.queries import LOAD, over
from grafana.build.panel import lines, table
from grafana.build.query import SELECTED_NODE, SELECTED_VANTAGES, Json, each, trend


def resources_row() -> Row:
    """Load, memory and disk."""

    def used(title: str, about: str, total: str, free: str) -> tuple[int, Json]:
        return (
            8,
            lines(
                title,
                about,
                over(
                    f'mean("{total}") AS "Total", mean("{total}") - mean("{free}") AS "Used"',
                    "crn_usage",
                ),
                unit="decbytes",
                low=0,
                overrides=[
                    override("Total", color=colour(MUTED), custom__fillOpacity=0),
                    override("Used", color=colour(CALM), custom__fillOpacity=25),
                ],
            ),
        )

    return row(
        7,
        (
            8,
            lines(
                LOAD,
                "Load averages against the number of logical CPUs: above it, tasks are waiting.",
                over(
                    'mean("cpu_count") AS "CPUs", mean("load1") AS "1 min", '
                    'mean("load5") AS "5 min", mean("load15") AS "15 min"',
                    "crn_usage",
                ),
                low=0,
                overrides=[
                    override("CPUs", color=colour(MUTED), custom__fillOpacity=0),
                    override("1 min", color=colour("#8ab8ff"), custom__fillOpacity=0),
                    override("5 min", color=colour("#3274d9")),
                    override("15 min", color=colour("#1f60c4"), custom__fillOpacity=0),
                ],
            ),
        ),
        used("Memory", "Memory, used and total.", "mem_total_bytes", "mem_available_bytes"),
        used(
            "Disk",
            "Disk for volumes: used or reserved, and total.",
            "disk_total_bytes",
            "disk_available_bytes",
        ),
    )


def gpus_row() -> Row:
    """GPUs by model."""
    return row(
        5,
        (
            12,
            lines(
                "GPUs used, by model",
                "Cards taken by VMs. Empty for a node without GPUs.",
                trend(
                    'mean("used")',
                    "crn_gpu",
                    SELECTED_NODE,
                    SELECTED_VANTAGES,
                    by=["model"],
                    alias="$tag_model",
                ),
                stack=True,
                steps=True,
                low=0,
                decimals=0,
                empty="No GPUs on this node",
            ),
        ),
        (
            12,
            table(
                "GPUs",
                "The cards of this node, as it last reported them. Rentable: cards that the "
                "network rents out.",
                each(
                    'last("total") AS "total", last("used") AS "used", '
                    'last("available") AS "available", last("compatible") AS "compatible"',
                    "crn_gpu",
                    SELECTED_NODE,
                    SELECTED_VANTAGES,
                    by=["model", "device_id"],
                ),
                transformations=[
                    transform.columns(
                        "model", "device_id", "total", "used", "available", "compatible"
                    )
                ],
                overrides=[
                    override("model", displayName="Model"),
                    override("device_id", displayName="Device"),
                    override("total", displayName="Cards"),
                    override("used", displayName="Used"),
                    override(
                        "available",
                        displayName="Free",
                        **graded(thresholds(MUTED, (1, GOOD))),
                    ),
                    override("compatible", displayName="Rentable"),
                ],
                empty="No GPUs on this node",
            ),
        ),
    )
