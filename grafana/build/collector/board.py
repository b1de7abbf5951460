"""The Collector dashboard: whether what the others show can be believed."""

from __future__ import annotations

from grafana.build.collector.now import now_row
from grafana.build.collector.rounds import rounds_row, seeing_row, work_row
from grafana.build.collector.stores import delivery_row, stores_row
from grafana.build.dashboard import COLLECTOR, dashboard, datasource, vantage
from grafana.build.query import Json


def build() -> Json:
    """The whole dashboard."""
    return dashboard(
        COLLECTOR,
        "CRN collector",
        "The collector itself: its rounds, what it could see, and where its points went.",
        [now_row(), rounds_row(), seeing_row(), work_row(), stores_row(), delivery_row()],
        variables=[datasource(), vantage()],
    )
