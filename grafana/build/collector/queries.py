"""What the rows of this dashboard have in common: their queries."""

from __future__ import annotations

from grafana.build.query import SELECTED_VANTAGES, Query, trend

COLLECTOR_NAME = "$tag_vantage / $tag_shard"
"""How each collector is called: by its vantage and its shard."""


def per_collector(fields: str, measurement: str = "collector") -> Query:
    """A field over time, a series for each collector."""
    return trend(
        fields, measurement, SELECTED_VANTAGES, by=["vantage", "shard"], alias=COLLECTOR_NAME
    )
