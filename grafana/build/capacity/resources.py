"""Memory, disk and GPUs over time."""

from __future__ import annotations

from grafana.build.capacity.queries import summed
from grafana.build.field import colour, override
from grafana.build.grid import Row, row
from grafana.build.labels import CALM, MUTED
from grafana.build.panel import lines
from grafana.build.query import Json


def resources_row() -> Row:
    """Memory, disk and GPUs: total and used."""

    def used(width: int, title: str, total: str, free: str, unit: str) -> tuple[int, Json]:
        return (
            width,
            lines(
                title,
                f"{title} of the nodes that answered: used and total.",
                summed(f'mean("{total}") AS "Total", mean("{total}") - mean("{free}") AS "Used"'),
                unit=unit,
                low=0,
                overrides=[
                    override("Total", color=colour(MUTED), custom__fillOpacity=0),
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
