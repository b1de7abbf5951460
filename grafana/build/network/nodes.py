"""Nodes that are down, nodes with the lowest uptime, and events."""

from __future__ import annotations

from grafana.build import transformations as transform
from grafana.build.dashboard import node_link
from grafana.build.field import (
    DOWN,
    FAILURE,
    KIND,
    UP,
    colour,
    flag,
    graded,
    labelled,
    override,
    thresholds,
)
from grafana.build.grid import Row, row
from grafana.build.labels import BAD, GOOD, MUTED, WARN
from grafana.build.network.queries import HIDDEN, NODE_COLUMN, count
from grafana.build.panel import lines, table
from grafana.build.query import SELECTED_VANTAGES, each, rows


def nodes_row() -> Row:
    """Nodes that are down, and those with the lowest uptime."""
    return row(
        11,
        (
            15,
            table(
                "Nodes down now",
                "Every listed node that is down. «Lost» ones were up within the last 7 days; the "
                "others have been dead for longer. «Recovering»: it answers again, but not yet in "
                "enough rounds.",
                each(
                    'last("up") AS "up", last("lost") AS "lost", last("failure") AS "failure", '
                    'last("score") AS "score", '
                    'last("evidence_age_seconds") AS "age", last("address") AS "address"',
                    "crn_reachability",
                    SELECTED_VANTAGES,
                    by=["node", "name"],
                ),
                transformations=[
                    transform.filter_rows(("up", "equal", 0)),
                    transform.sort("lost", largest_first=True),
                    transform.hide_if_empty("up"),
                    transform.columns(
                        "name",
                        "lost",
                        "failure",
                        "address",
                        "score",
                        "age",
                        "node",
                        drop=("Time", "up"),
                    ),
                ],
                overrides=[
                    NODE_COLUMN,
                    override(
                        "lost",
                        displayName="State",
                        **labelled(flag("Lost", "Dead", good=BAD, bad=MUTED), custom__width=85),
                    ),
                    override("failure", displayName="Failure", **labelled(DOWN, custom__width=165)),
                    override("address", displayName="Address", custom__minWidth=180),
                    override(
                        "score",
                        displayName="Score",
                        unit="percentunit",
                        decimals=0,
                        custom__width=65,
                    ),
                    override("age", displayName="Last visit", unit="s", custom__width=85),
                    override("node", **HIDDEN),
                ],
                since="10m",
                empty="No node is down",
            ),
        ),
        (
            9,
            table(
                "Lowest uptime",
                "Nodes that were up for some of the time only, the least first. Those that were "
                "down all the time are in the list of nodes that are down.",
                each(
                    'mean("up") AS "uptime", last("up") AS "state", last("failure") AS "failure"',
                    "crn_reachability",
                    SELECTED_VANTAGES,
                    by=["node", "name"],
                ),
                transformations=[
                    transform.filter_rows(("uptime", "greater", 0), ("uptime", "lower", 1)),
                    transform.sort("uptime"),
                    transform.limit(25),
                    transform.columns("name", "uptime", "state", "failure", "node"),
                ],
                overrides=[
                    NODE_COLUMN,
                    override(
                        "uptime",
                        displayName="Uptime",
                        unit="percentunit",
                        decimals=2,
                        min=0,
                        max=1,
                        **graded(thresholds(BAD, (0.9, WARN), (0.99, GOOD))),
                        custom__width=90,
                    ),
                    override(
                        "state",
                        displayName="Now",
                        **labelled(UP),
                        custom__width=70,
                    ),
                    override(
                        "failure",
                        displayName="Last round",
                        **labelled(FAILURE),
                        custom__width=160,
                    ),
                    override("node", **HIDDEN),
                ],
            ),
        ),
    )


def events_row() -> Row:
    """Events, and IPv6."""
    return row(
        10,
        (
            15,
            table(
                "Events",
                "The newest 200 events: nodes that went down or came back, joined, left, moved, "
                "were renamed or upgraded, and GPUs that came or went.",
                rows(
                    '"kind", "name", "text", "node"', "network_event", SELECTED_VANTAGES, limit=200
                ),
                transformations=[
                    transform.columns("Time", "kind", "name", "text", "node", drop=())
                ],
                overrides=[
                    override("Time", displayName="Time", custom__width=165),
                    override(
                        "kind",
                        displayName="Event",
                        **labelled(KIND),
                        custom__width=120,
                    ),
                    override("name", displayName="Node", links=[node_link()], custom__width=170),
                    override("text", displayName="Description"),
                    override("node", **HIDDEN),
                ],
                empty="No events in this range",
            ),
        ),
        (
            9,
            lines(
                "IPv6 over time",
                "Nodes whose IPv6 check succeeded, and those that were checked. A check starts a "
                "VM on the node, so it is done every 6 hours only.",
                count('mean("nodes_ipv6_measured") AS "Checked", mean("nodes_ipv6_ok") AS "OK"'),
                overrides=[
                    override("Checked", color=colour(MUTED), custom__fillOpacity=0),
                    override("OK", color=colour(GOOD)),
                ],
                decimals=0,
                low=0,
            ),
        ),
    )
