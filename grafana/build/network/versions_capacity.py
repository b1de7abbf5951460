"""Versions and capacity."""

from __future__ import annotations

from grafana.build.field import HIDE_ZEROS, colour, override
from grafana.build.grid import Row, row
from grafana.build.labels import CALM, MUTED, WARN
from grafana.build.network.queries import count
from grafana.build.panel import lines
from grafana.build.query import SELECTED_VANTAGES, Json, total_trend


def versions_row() -> Row:
    """Versions, and outdated nodes."""
    return row(
        9,
        (
            15,
            lines(
                "Firmware versions",
                "Nodes by the release of aleph-vm that they last reported.",
                total_trend(
                    'mean("nodes")',
                    "network_version",
                    SELECTED_VANTAGES,
                    by=["version"],
                    alias="$tag_version",
                ),
                overrides=[HIDE_ZEROS],
                stack=True,
                decimals=0,
                legend="right",
                calcs=["lastNotNull"],
            ),
        ),
        (
            9,
            lines(
                "Outdated nodes",
                "Nodes older than the network's `last_crn_version`. It jumps when that is raised "
                "and falls as operators upgrade.",
                count('mean("nodes_outdated") AS "Outdated"'),
                overrides=[override("Outdated", color=colour(WARN), custom__fillOpacity=25)],
                low=0,
                decimals=0,
                soft_high=10,
            ),
        ),
    )


def capacity_row() -> Row:
    """Capacity: total and used."""

    def used(what: str, total: str, free: str, title: str, unit: str) -> tuple[int, Json]:
        return (
            6,
            lines(
                title,
                f"{what} of the nodes that answered: used and total.",
                count(f'mean("{total}") AS "Total", mean("{total}") - mean("{free}") AS "Used"'),
                unit=unit,
                overrides=[
                    override("Total", color=colour(MUTED), custom__fillOpacity=0),
                    override("Used", color=colour(CALM), custom__fillOpacity=25),
                ],
                low=0,
            ),
        )

    return row(
        7,
        used("GPUs", "gpu_total", "gpu_available", "GPUs", "short"),
        used("Memory", "mem_total_bytes", "mem_available_bytes", "Memory", "decbytes"),
        used("Disk", "disk_total_bytes", "disk_available_bytes", "Disk", "decbytes"),
        (
            6,
            lines(
                "CPUs",
                "Logical CPUs of the nodes that answered.",
                count('mean("cpu_total") AS "Total"'),
                overrides=[override("Total", color=colour(CALM))],
                low=0,
                decimals=0,
            ),
        ),
        title="Capacity",
    )
