"""What the rows of this dashboard have in common: their queries and columns."""

from __future__ import annotations

from grafana.build.dashboard import node_link
from grafana.build.field import override
from grafana.build.query import SELECTED_VANTAGES, Query, total_trend

NODE_COLUMN = override("name", displayName="Node", links=[node_link()], custom__minWidth=120)
HIDDEN = {"custom__hidden": True}
TREND = "Nodes up over time"
LOST = "Lost nodes over time"


def count(fields: str, *where: str) -> Query:
    """A figure of the whole network over time."""
    return total_trend(fields, "network", *where, SELECTED_VANTAGES)
