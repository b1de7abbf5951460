"""The Collector dashboard: rounds, vantages, stores and delivery."""

from __future__ import annotations

from grafana.build.collector.now import now_row
from grafana.build.collector.rounds import rounds_row, vantage_row, work_row
from grafana.build.collector.stores import delivery_row, stores_row
from grafana.build.dashboard import COLLECTOR, dashboard, datasource, vantage
from grafana.build.query import Json


def build() -> Json:
    """The whole dashboard."""
    return dashboard(
        COLLECTOR,
        "CRN collector",
        "The collector itself: its rounds, its vantage, its stores and the delivery of points.",
        [now_row(), rounds_row(), vantage_row(), work_row(), stores_row(), delivery_row()],
        variables=[datasource(), vantage()],
    )
