"""What the rows of this dashboard have in common: queries about the chosen node."""

from __future__ import annotations

from grafana.build.field import mapping
from grafana.build.labels import CALM
from grafana.build.query import SELECTED_NODE, SELECTED_VANTAGES, Query, newest, trend

PHASES = "Response time by phase"
LOAD = "Load"
METHODS = mapping(
    {"status": ("/status/check/ipv6", CALM), "diagnostic_vm": ("Diagnostic VM", CALM)}
)


def over(fields: str, measurement: str = "crn_reachability", **options: str) -> Query:
    """Fields of the chosen node over time."""
    return trend(fields, measurement, SELECTED_NODE, SELECTED_VANTAGES, **options)


def newest_of(fields: str, measurement: str = "crn_reachability") -> Query:
    """The last value of the chosen node."""
    return newest(fields, measurement, SELECTED_NODE, SELECTED_VANTAGES)
