"""The figures on top."""

from __future__ import annotations

from grafana.build.dashboard import CAPACITY, COLLECTOR, dashboard_link
from grafana.build.field import REASON, thresholds
from grafana.build.grid import Row, row
from grafana.build.labels import BAD, CALM, GOOD, WARN
from grafana.build.network.queries import count
from grafana.build.panel import stat
from grafana.build.query import SELECTED_VANTAGES, newest


def now_row() -> Row:
    """The figures on top."""
    return row(
        4,
        (
            3,
            stat(
                "Up",
                "Nodes that are up: a short failure does not count, several in a row do.",
                count('mean("nodes_up") AS "Up"'),
                levels=thresholds(GOOD),
                decimals=0,
            ),
        ),
        (
            3,
            stat(
                "Share up",
                "Nodes up out of all that are listed. Long-dead nodes stay listed for months, "
                "so this is never quite 100 %.",
                count('mean("nodes_up") / mean("nodes") AS "Share up"'),
                unit="percentunit",
                levels=thresholds(BAD, (0.5, WARN), (0.7, GOOD)),
                decimals=1,
            ),
        ),
        (
            3,
            stat(
                "Lost",
                "Nodes that are down now and were up within the last 7 days. These are the "
                "ones that need action; nodes that died long ago are not among them.",
                count('mean("nodes_lost") AS "Lost"'),
                levels=thresholds(GOOD, (1, WARN), (20, BAD)),
                decimals=0,
            ),
        ),
        (
            3,
            stat(
                "IPv6",
                "Nodes whose IPv6 check succeeded, out of those checked within the last 12 hours.",
                count('mean("nodes_ipv6_ok") / mean("nodes_ipv6_measured") AS "IPv6 OK"'),
                unit="percentunit",
                levels=thresholds(BAD, (0.6, WARN), (0.8, GOOD)),
                decimals=1,
            ),
        ),
        (
            3,
            stat(
                "Outdated",
                "Nodes with a version older than the network's `last_crn_version`: clients "
                "leave them out. Unknown while the network publishes none.",
                count('mean("nodes_outdated") AS "Outdated"'),
                levels=thresholds(GOOD, (1, "yellow"), (100, WARN)),
                empty="Unknown",
                decimals=0,
            ),
        ),
        (
            3,
            stat(
                "GPUs",
                "GPUs that are not in use, on the nodes that answered.",
                count('mean("gpu_available") AS "Free"'),
                unit="suffix: free",
                levels=thresholds(BAD, (1, WARN), (3, GOOD)),
                decimals=0,
                links=[dashboard_link(CAPACITY, "Capacity")],
            ),
        ),
        (
            3,
            stat(
                "Vantage",
                "Whether the controls of this vantage answered in the last round. While it is "
                "blind, nodes keep the state that they had.",
                newest('last("vantage_reason") AS "Vantage"', "network", SELECTED_VANTAGES),
                mappings=REASON,
                spark=False,
                fields="/^Vantage$/",
                links=[dashboard_link(COLLECTOR, "Collector")],
                text_size=26,
                since="15m",
            ),
        ),
        (
            3,
            stat(
                "Updated",
                "Time of the newest round in the database. More than a few minutes ago "
                "means that the collector, or its connection to the database, is down.",
                newest('last("nodes") AS "Listed"', "network", SELECTED_VANTAGES),
                unit="dateTimeFromNow",
                spark=False,
                fields="/^Time$/",
                levels=thresholds(CALM),
                links=[dashboard_link(COLLECTOR, "Collector")],
                text_size=22,
            ),
        ),
    )
