"""The figures on top, and how they grew."""

from __future__ import annotations

from grafana.build.capacity.queries import FREE, summed
from grafana.build.field import thresholds
from grafana.build.grid import Row, row
from grafana.build.labels import BAD, GOOD, MUTED, WARN
from grafana.build.panel import stat
from grafana.build.query import Json


def now_row() -> Row:
    """What is free now."""
    free = thresholds(BAD, (0.1, WARN), (0.25, GOOD))
    return row(
        4,
        (
            4,
            stat(
                "GPUs free",
                "Cards that are not in use, on the nodes that answered.",
                summed('mean("gpu_available") AS "Free"'),
                levels=FREE,
                decimals=0,
            ),
        ),
        (
            4,
            stat(
                "GPUs",
                "Cards of the nodes that answered.",
                summed('mean("gpu_total") AS "GPUs"'),
                decimals=0,
            ),
        ),
        (
            4,
            stat(
                "Memory free",
                "Share of the memory of all nodes that is free.",
                summed('mean("mem_available_bytes") / mean("mem_total_bytes") AS "Free"'),
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
                summed('mean("disk_available_bytes") / mean("disk_total_bytes") AS "Free"'),
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
                summed('mean("cpu_total") AS "CPUs"'),
                decimals=0,
            ),
        ),
        (
            4,
            stat(
                "Nodes measured",
                "Nodes whose resources were read in the round. All sums here are over these; a "
                "node that does not answer offers no capacity.",
                summed('mean("nodes_measured") AS "Nodes"'),
                decimals=0,
            ),
        ),
    )


def growth_row() -> Row:
    """The end of the range against its start."""

    def grown(title: str, field: str) -> tuple[int, Json]:
        return (
            4,
            stat(
                f"{title} ±",
                f"{title} at the end of the range against its start.",
                summed(f'mean("{field}") AS "{title}"'),
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
