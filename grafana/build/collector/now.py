"""The figures on top."""

from __future__ import annotations

from grafana.build.field import thresholds
from grafana.build.grid import Row, row
from grafana.build.labels import BAD, GOOD, WARN
from grafana.build.panel import stat
from grafana.build.query import SELECTED_VANTAGES, newest, total_trend, trend


def now_row() -> Row:
    """The last round, lost points and the backlog."""
    return row(
        4,
        (
            3,
            stat(
                "Updated",
                "Time of the newest round in the database.",
                newest('last("nodes") AS "Listed"', "network", SELECTED_VANTAGES),
                unit="dateTimeFromNow",
                spark=False,
                fields="/^Time$/",
                text_size=22,
            ),
        ),
        (
            3,
            stat(
                "Duration",
                "How long a round takes, from its start until its points are built. It must end "
                "before the next one starts; the deadline is 55 s by default.",
                trend('mean("round_seconds") AS "Round"', "collector", SELECTED_VANTAGES),
                unit="s",
                decimals=1,
                levels=thresholds(GOOD, (50, WARN), (55, BAD)),
            ),
        ),
        (
            3,
            stat(
                "Not run",
                "Rounds of the range that did not run, skipped and missed ones together.",
                newest(
                    'sum("rounds_skipped") + sum("rounds_missed") AS "Not run"',
                    "collector",
                    SELECTED_VANTAGES,
                ),
                levels=thresholds(GOOD, (1, WARN), (30, BAD)),
                spark=False,
            ),
        ),
        (
            3,
            stat(
                "Overran",
                "Rounds of the range that were ended by their deadline.",
                newest('sum("overran") AS "Overran"', "collector", SELECTED_VANTAGES),
                levels=thresholds(GOOD, (1, WARN), (30, BAD)),
                spark=False,
            ),
        ),
        (
            3,
            stat(
                "Points",
                "Points that a round made, for all stores.",
                total_trend('mean("points") AS "Points"', "collector", SELECTED_VANTAGES),
                decimals=0,
            ),
        ),
        (
            3,
            stat(
                "Waiting",
                "Points that wait for delivery to a store.",
                total_trend(
                    'max("backlog_points") AS "Waiting"',
                    "collector_store",
                    SELECTED_VANTAGES,
                    apart=["store"],
                ),
                levels=thresholds(GOOD, (10_000, WARN), (100_000, BAD)),
                decimals=0,
            ),
        ),
        (
            3,
            stat(
                "Dropped",
                "Points of the range that a store rejected or that were dropped. They are "
                "missing from that store.",
                newest(
                    'sum("points_rejected") + sum("points_dropped") AS "Dropped"',
                    "collector_store",
                    SELECTED_VANTAGES,
                ),
                levels=thresholds(GOOD, (1, BAD)),
                spark=False,
            ),
        ),
        (
            3,
            stat(
                "Directory",
                "How long ago the list of nodes was last confirmed; every 5 minutes by default.",
                trend('max("directory_age_seconds") AS "Age"', "network", SELECTED_VANTAGES),
                unit="s",
                decimals=0,
                levels=thresholds(GOOD, (900, WARN), (1800, BAD)),
            ),
        ),
    )
