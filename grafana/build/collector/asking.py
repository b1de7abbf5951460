"""What the rows of this dashboard have in common: their queries."""

from __future__ import annotations

from grafana.build.query import SEEN_FROM, Query, trend


def per_vantage(fields: str, measurement: str = "collector") -> Query:
    """A field over time, a series for each vantage."""
    return trend(fields, measurement, SEEN_FROM, by=["vantage"], alias="$tag_vantage")
