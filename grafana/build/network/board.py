"""The Network dashboard: what a newcomer looks at first."""

from __future__ import annotations

from grafana.build.dashboard import NETWORK, dashboard, datasource, events, vantage
from grafana.build.labels import FAINT_BAD, FAINT_CALM, FAINT_GOOD
from grafana.build.network.nodes import events_row, nodes_row
from grafana.build.network.now import now_row
from grafana.build.network.queries import TREND
from grafana.build.network.trend import causes_row, trend_row
from grafana.build.network.versions_capacity import capacity_row, versions_row
from grafana.build.query import Json


def build() -> Json:
    """The whole dashboard."""
    marked = (TREND,)
    return dashboard(
        NETWORK,
        "CRN network",
        "Every compute node of the Aleph Cloud network, visited once a minute.",
        [
            now_row(),
            trend_row(),
            causes_row(),
            nodes_row(),
            events_row(),
            versions_row(),
            capacity_row(),
        ],
        variables=[datasource(), vantage()],
        annotations=[
            events("Nodes down", ("down",), FAINT_BAD, panels=marked),
            events("Nodes recovered", ("up",), FAINT_GOOD, on=False, panels=marked),
            events("Joined and left", ("joined", "left"), FAINT_CALM, on=False, panels=marked),
        ],
    )
