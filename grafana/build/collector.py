"""The Collector dashboard: whether what the others show can be believed."""

from __future__ import annotations

from grafana.build import reshape
from grafana.build.dashboard import COLLECTOR, dashboard, datasource, vantage
from grafana.build.field import (
    HIDE_ZEROS,
    REASON,
    by_fault,
    colour,
    flag,
    graded,
    override,
    thresholds,
    word,
)
from grafana.build.grid import Row, row
from grafana.build.panel import lines, stat, states, table
from grafana.build.query import SEEN_FROM, Json, Query, each, newest, trend
from grafana.build.words import BAD, CALM, GOOD, MUTED, UNSEEN, WARN


def build() -> Json:
    """The whole dashboard."""
    return dashboard(
        COLLECTOR,
        "CRN collector",
        "The collector itself: its rounds, what it could see, and where its points went.",
        [_now(), _rounds(), _seeing(), _work(), _stores(), _delivery()],
        variables=[datasource(), vantage()],
    )


def _per_vantage(fields: str, measurement: str = "collector") -> Query:
    return trend(fields, measurement, SEEN_FROM, by=["vantage"], alias="$tag_vantage")


def _now() -> Row:
    return row(
        4,
        (
            3,
            stat(
                "Last round",
                "When the newest round in the database was looked at.",
                newest('last("nodes") AS "Listed"', "network", SEEN_FROM),
                unit="dateTimeFromNow",
                spark=False,
                fields="/^Time$/",
                text_size=22,
            ),
        ),
        (
            3,
            stat(
                "Round takes",
                "From the start of a round to its judgement. It must end before the next one "
                "starts; by default it is cut after 55 s.",
                trend('mean("round_seconds") AS "Round"', "collector", SEEN_FROM),
                unit="s",
                decimals=1,
                levels=thresholds(GOOD, (50, WARN), (55, BAD)),
            ),
        ),
        (
            3,
            stat(
                "Rounds lost",
                "Rounds of the range that did not run, skipped and missed ones together.",
                newest(
                    'sum("rounds_skipped") + sum("rounds_missed") AS "Lost"',
                    "collector",
                    SEEN_FROM,
                ),
                levels=thresholds(GOOD, (1, WARN), (30, BAD)),
                spark=False,
            ),
        ),
        (
            3,
            stat(
                "Rounds cut",
                "Rounds of the range that were ended by their deadline.",
                newest('sum("overran") AS "Cut"', "collector", SEEN_FROM),
                levels=thresholds(GOOD, (1, WARN), (30, BAD)),
                spark=False,
            ),
        ),
        (
            3,
            stat(
                "Points",
                "Points that a round made, for all stores.",
                trend('mean("points") AS "Points"', "collector", SEEN_FROM),
                decimals=0,
            ),
        ),
        (
            3,
            stat(
                "Waiting",
                "Points that wait to be taken by a store.",
                trend('max("backlog_points") AS "Waiting"', "collector_store", SEEN_FROM),
                levels=thresholds(GOOD, (10_000, WARN), (100_000, BAD)),
                decimals=0,
            ),
        ),
        (
            3,
            stat(
                "Given up",
                "Points of the range that were refused for good or dropped. Anything but zero "
                "is lost.",
                newest(
                    'sum("points_rejected") + sum("points_dropped") AS "Given up"',
                    "collector_store",
                    SEEN_FROM,
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
                trend('max("directory_age_seconds") AS "Age"', "network", SEEN_FROM),
                unit="s",
                decimals=0,
                levels=thresholds(GOOD, (900, WARN), (1800, BAD)),
            ),
        ),
    )


def _rounds() -> Row:
    return row(
        8,
        (
            12,
            lines(
                "Rounds, and how long they take",
                "From the start of a round to its judgement, the longest in each step.",
                _per_vantage('max("round_seconds")'),
                unit="s",
                low=0,
                levels=thresholds("transparent", (55, BAD)),
                limits=True,
            ),
        ),
        (
            12,
            lines(
                "Rounds that did not go well",
                "Skipped: the round before was still running. Missed: we were late. Cut: ended "
                "by the deadline.",
                trend(
                    'sum("rounds_skipped") AS "Skipped", sum("rounds_missed") AS "Missed", '
                    'sum("overran") AS "Cut"',
                    "collector",
                    SEEN_FROM,
                ),
                overrides=[
                    override("Skipped", color=colour(WARN)),
                    override("Missed", color=colour(BAD)),
                    override("Cut", color=colour("yellow")),
                ],
                bars=True,
                stack=True,
                low=0,
                decimals=0,
                soft_high=5,
            ),
        ),
    )


def _seeing() -> Row:
    return row(
        8,
        (
            12,
            states(
                "What it could see",
                "One bar for each vantage. Purple: it was blind; nodes keep the state that they "
                "had, and its failures say nothing about them.",
                Query(
                    f'SELECT last("vantage_reason") FROM "network" WHERE {SEEN_FROM} AND '
                    '$timeFilter GROUP BY time($__interval), "vantage" fill(null)',
                    alias="$tag_vantage",
                ),
                mappings=REASON,
                legend=False,
            ),
        ),
        (
            12,
            lines(
                "Failures, by whose fault they are",
                "Nodes that were not reachable. Only what is the node's, or its name's, counts "
                "against it.",
                Query(
                    'SELECT sum("mean") FROM (SELECT mean("nodes") AS "mean" FROM '
                    f'"network_failure" WHERE "fault" != \'none\' AND {SEEN_FROM} AND '
                    '$timeFilter GROUP BY time($__interval), "fault", "failure") WHERE '
                    '$timeFilter GROUP BY time($__interval), "fault" fill(null)',
                    alias="$tag_fault",
                ),
                overrides=[*by_fault(), HIDE_ZEROS],
                stack=True,
                low=0,
                decimals=0,
            ),
        ),
    )


def _work() -> Row:
    return row(
        8,
        (
            6,
            lines(
                "Endpoints asked",
                "Requests in each round.",
                _per_vantage('mean("probes")'),
                low=0,
                decimals=0,
            ),
        ),
        (
            6,
            lines(
                "Event loop lag",
                "The longest that the collector stood still in a round. Above a second, times "
                "and timeouts cannot be trusted.",
                _per_vantage('max("loop_lag_seconds")'),
                unit="s",
                low=0,
                levels=thresholds("transparent", (1, BAD)),
                limits=True,
            ),
        ),
        (
            6,
            lines(
                "Memory",
                "Resident memory of the collector.",
                _per_vantage('max("rss_bytes")'),
                unit="bytes",
                low=0,
            ),
        ),
        (
            6,
            lines(
                "Open files",
                "File descriptors, sockets included.",
                _per_vantage('max("open_fds")'),
                low=0,
                decimals=0,
            ),
        ),
    )


def _stores() -> Row:
    return row(
        7,
        (
            14,
            table(
                "Stores",
                "Where points go. Counts are of the range; the rest is as of the newest round.",
                each(
                    'last("connected") AS "connected", '
                    'sum("points_delivered") AS "delivered", '
                    'sum("points_rejected") AS "rejected", sum("points_dropped") AS "dropped", '
                    'last("backlog_points") AS "waiting", '
                    'last("backlog_seconds") AS "age", last("write_seconds") AS "write"',
                    "collector_store",
                    SEEN_FROM,
                    by=["vantage", "store"],
                ),
                transformations=[
                    reshape.columns(
                        "store",
                        "vantage",
                        "connected",
                        "delivered",
                        "rejected",
                        "dropped",
                        "waiting",
                        "age",
                        "write",
                    )
                ],
                overrides=[
                    override("store", displayName="Store", custom__minWidth=110),
                    override("vantage", displayName="Vantage"),
                    override(
                        "connected",
                        displayName="State",
                        **word(flag("Connected", "Not connected")),
                        custom__width=120,
                    ),
                    override("delivered", displayName="Delivered"),
                    override(
                        "rejected",
                        displayName="Refused",
                        **graded(thresholds(MUTED, (1, BAD))),
                    ),
                    override(
                        "dropped",
                        displayName="Dropped",
                        **graded(thresholds(MUTED, (1, BAD))),
                    ),
                    override("waiting", displayName="Waiting"),
                    override("age", displayName="Oldest", unit="s"),
                    override("write", displayName="Last write", unit="s"),
                ],
            ),
        ),
        (
            10,
            states(
                "Connections",
                "Whether each store took what it was last given.",
                trend(
                    'last("connected")',
                    "collector_store",
                    SEEN_FROM,
                    by=["store", "vantage"],
                    alias="$tag_store ($tag_vantage)",
                ),
                mappings=flag("Connected", "Not connected"),
                legend=False,
            ),
        ),
    )


def _delivery() -> Row:
    return row(
        8,
        (
            8,
            lines(
                "Points and their fate",
                "Delivered: taken. Refused: the store will never take them. Dropped: given up "
                "because too much was waiting.",
                trend(
                    'sum("points_delivered") AS "Delivered", '
                    'sum("points_rejected") AS "Refused", sum("points_dropped") AS "Dropped"',
                    "collector_store",
                    SEEN_FROM,
                ),
                overrides=[
                    override("Delivered", color=colour(CALM)),
                    override("Refused", color=colour(BAD)),
                    override("Dropped", color=colour(UNSEEN)),
                ],
                low=0,
                decimals=0,
            ),
        ),
        (
            8,
            lines(
                "Spool",
                "Bytes that wait on disk for a store. It grows while the store is away and "
                "empties when it is back.",
                trend(
                    'max("backlog_bytes")',
                    "collector_store",
                    SEEN_FROM,
                    by=["store"],
                    alias="$tag_store",
                ),
                unit="bytes",
                low=0,
                soft_high=1_048_576,
            ),
        ),
        (
            8,
            lines(
                "Writing takes",
                "The slowest write in each step.",
                trend(
                    'max("write_seconds")',
                    "collector_store",
                    SEEN_FROM,
                    by=["store"],
                    alias="$tag_store",
                ),
                unit="s",
                low=0,
            ),
        ),
    )
