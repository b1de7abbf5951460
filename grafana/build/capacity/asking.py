"""What the rows of this dashboard have in common: their queries, columns and colours."""

from __future__ import annotations

from grafana.build.dashboard import node_link
from grafana.build.field import override, thresholds
from grafana.build.query import SEEN_FROM, Query, total_trend
from grafana.build.words import BAD, GOOD, WARN

THESE_MODELS = '"model" =~ /^${model:regex}$/'
FREE = thresholds(BAD, (1, WARN), (3, GOOD))
NODE_COLUMN = override("name", displayName="Node", links=[node_link()], custom__minWidth=150)
HIDDEN = override("node", custom__hidden=True)


def summed(fields: str) -> Query:
    """Sums over the nodes that answered, over time."""
    return total_trend(fields, "network", SEEN_FROM)
