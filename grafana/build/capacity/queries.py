"""What the rows of this dashboard have in common: their queries, columns and colours."""

from __future__ import annotations

from grafana.build.dashboard import node_link
from grafana.build.field import override, thresholds
from grafana.build.labels import BAD, GOOD, WARN
from grafana.build.query import SELECTED_VANTAGES, Query, total_trend

SELECTED_MODELS = '"model" =~ /^${model:regex}$/'
FREE = thresholds(BAD, (1, WARN), (3, GOOD))
NODE_COLUMN = override("name", displayName="Node", links=[node_link()], custom__minWidth=150)
HIDDEN = override("node", custom__hidden=True)


def summed(fields: str) -> Query:
    """Sums over the nodes that answered, over time."""
    return total_trend(fields, "network", SELECTED_VANTAGES)
