"""Nodes up, failures and lost nodes over time."""

from __future__ import annotations

from grafana.build import transformations as transform
from grafana.build.field import HIDE_ZEROS, by_failure, colour, override
from grafana.build.grid import Row, row
from grafana.build.labels import BAD, GOOD, MUTED
from grafana.build.network.queries import LOST, TREND, count
from grafana.build.panel import bars, lines
from grafana.build.query import SELECTED_VANTAGES, newest_totals, total_trend


def trend_row() -> Row:
    """Nodes up over time, and the failures of the newest round."""
    return row(
        9,
        (
            15,
            lines(
                TREND,
                "Listed: in the published list. Up: after hysteresis. Reachable: in that "
                "round; it dips when this vantage is blind, Up does not. A gap means that no "
                "round was written.",
                count(
                    'mean("nodes") AS "Listed", mean("nodes_linked") AS "Linked to a CCN", '
                    'mean("nodes_up") AS "Up", mean("nodes_reachable") AS "Reachable"'
                ),
                overrides=[
                    override("Listed", color=colour(MUTED), custom__fillOpacity=0),
                    override(
                        "Linked to a CCN",
                        color=colour("#5794f2"),
                        custom__fillOpacity=0,
                        custom__lineStyle={"fill": "dash", "dash": [6, 6]},
                    ),
                    override("Up", color=colour(GOOD), custom__lineWidth=2),
                    override("Reachable", color=colour("#f2cc0c"), custom__fillOpacity=0),
                ],
                decimals=0,
            ),
        ),
        (
            9,
            bars(
                "Failures now",
                "Nodes by their failure in the newest round. «Collector: …» is a fault of "
                "the collector itself and says nothing about the node.",
                newest_totals(
                    'last("nodes") AS "nodes"',
                    "network_failure",
                    "\"failure\" != 'none'",
                    SELECTED_VANTAGES,
                    by=["failure"],
                ),
                transformations=[
                    transform.filter_rows(("nodes", "greater", 0)),
                    transform.sort("nodes", largest_first=True),
                    transform.columns(drop=("Time",)),
                    transform.rows_to_fields("failure", "nodes"),
                ],
                overrides=by_failure(),
                since="15m",
                empty="No failures",
            ),
        ),
    )


def causes_row() -> Row:
    """Failures by cause, and lost nodes."""
    return row(
        9,
        (
            15,
            lines(
                "Failures by cause",
                "Nodes that were not reachable, by cause. Faults of the collector itself are "
                "left out (the Collector dashboard has them), so rounds in which the vantage was "
                "blind are dips here.",
                total_trend(
                    'mean("nodes")',
                    "network_failure",
                    "\"failure\" != 'none'",
                    "\"fault\" != 'vantage'",
                    SELECTED_VANTAGES,
                    by=["failure"],
                    alias="$tag_failure",
                ),
                overrides=[*by_failure(), HIDE_ZEROS],
                stack=True,
                decimals=0,
                legend="right",
                calcs=["lastNotNull", "max"],
            ),
        ),
        (
            9,
            lines(
                LOST,
                "Nodes that are down and were up within the last 7 days. Long-dead ones are not "
                "among them, so this is what changes.",
                count('max("nodes_lost") AS "Lost"'),
                overrides=[override("Lost", color=colour(BAD), custom__fillOpacity=25)],
                steps=True,
                low=0,
                decimals=0,
                soft_high=10,
            ),
        ),
    )
