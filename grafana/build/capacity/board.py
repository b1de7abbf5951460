"""The Capacity dashboard: total, free, where, and over time."""

from __future__ import annotations

from grafana.build.capacity.gpus import gpus_row, when_row
from grafana.build.capacity.now import growth_row, now_row
from grafana.build.capacity.resources import resources_row
from grafana.build.capacity.where import where_row
from grafana.build.dashboard import (
    CAPACITY,
    LOOKBACK,
    dashboard,
    datasource,
    events,
    vantage,
    variable,
)
from grafana.build.labels import CALM, GOOD, WARN
from grafana.build.query import Json


def build() -> Json:
    """The whole dashboard."""
    return dashboard(
        CAPACITY,
        "CRN capacity",
        "CPUs, memory, disk and GPUs of the network: total, free, where, and over time.",
        [now_row(), gpus_row(), when_row(), resources_row(), growth_row(), where_row()],
        variables=[
            datasource(),
            vantage(),
            variable(
                "model",
                "GPU model",
                "The GPU models that are shown.",
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
