"""Where points went."""

from __future__ import annotations

from grafana.build import reshape
from grafana.build.collector.asking import COLLECTOR_NAME
from grafana.build.field import colour, flag, graded, override, thresholds, word
from grafana.build.grid import Row, row
from grafana.build.panel import lines, states, table
from grafana.build.query import SEEN_FROM, each, total_trend, trend
from grafana.build.words import BAD, CALM, MUTED, UNSEEN


def stores_row() -> Row:
    """Each store, and whether it is connected."""
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
                    by=["vantage", "shard", "store"],
                ),
                transformations=[
                    reshape.columns(
                        "store",
                        "vantage",
                        "shard",
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
                    override("store", displayName="Store"),
                    override("vantage", displayName="Vantage"),
                    override("shard", displayName="Shard", custom__width=60),
                    override(
                        "connected",
                        displayName="State",
                        **word(flag("Connected", "Not connected")),
                        custom__width=115,
                    ),
                    override("delivered", displayName="Delivered", custom__width=95),
                    override(
                        "rejected",
                        displayName="Refused",
                        custom__width=80,
                        **graded(thresholds(MUTED, (1, BAD))),
                    ),
                    override(
                        "dropped",
                        displayName="Dropped",
                        custom__width=80,
                        **graded(thresholds(MUTED, (1, BAD))),
                    ),
                    override("waiting", displayName="Waiting", custom__width=75),
                    override("age", displayName="Oldest", unit="s", custom__width=75),
                    override("write", displayName="Last write", unit="s", custom__width=90),
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
                    by=["store", "vantage", "shard"],
                    alias=f"$tag_store ({COLLECTOR_NAME})",
                ),
                mappings=flag("Connected", "Not connected"),
                legend=False,
            ),
        ),
    )


def delivery_row() -> Row:
    """What became of the points."""
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
                total_trend(
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
