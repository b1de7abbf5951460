"""Stores, and the delivery of points."""

from __future__ import annotations

from grafana.build import transformations as transform
from grafana.build.collector.queries import COLLECTOR_NAME
from grafana.build.field import colour, flag, graded, labelled, override, thresholds
from grafana.build.grid import Row, row
from grafana.build.labels import BAD, BLIND_COLOUR, CALM, MUTED
from grafana.build.panel import lines, states, table
from grafana.build.query import SELECTED_VANTAGES, each, total_trend, trend


def stores_row() -> Row:
    """Each store, and whether it is connected."""
    return row(
        7,
        (
            16,
            table(
                "Stores",
                "The stores that points are written to. Counts are of the range, the rest is of "
                "the newest round.",
                each(
                    'last("connected") AS "connected", '
                    'sum("points_delivered") AS "delivered", '
                    'sum("points_rejected") AS "rejected", sum("points_dropped") AS "dropped", '
                    'last("backlog_points") AS "waiting", '
                    'last("backlog_seconds") AS "age", last("write_seconds") AS "write"',
                    "collector_store",
                    SELECTED_VANTAGES,
                    by=["vantage", "shard", "store"],
                ),
                transformations=[
                    transform.columns(
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
                        **labelled(flag("Connected", "Not connected")),
                        custom__width=115,
                    ),
                    override("delivered", displayName="Delivered", custom__width=95),
                    override(
                        "rejected",
                        displayName="Rejected",
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
            8,
            states(
                "Connections",
                "Whether the last write to each store succeeded.",
                trend(
                    'last("connected")',
                    "collector_store",
                    SELECTED_VANTAGES,
                    by=["store", "vantage", "shard"],
                    alias=f"$tag_store ({COLLECTOR_NAME})",
                ),
                mappings=flag("Connected", "Not connected"),
                legend=False,
            ),
        ),
    )


def delivery_row() -> Row:
    """Delivery, spool and write duration."""
    return row(
        8,
        (
            8,
            lines(
                "Points delivered",
                "Delivered: accepted. Rejected: refused for good by the store. Dropped: over "
                "the limits of the spool.",
                trend(
                    'sum("points_delivered") AS "Delivered", '
                    'sum("points_rejected") AS "Rejected", sum("points_dropped") AS "Dropped"',
                    "collector_store",
                    SELECTED_VANTAGES,
                ),
                overrides=[
                    override("Delivered", color=colour(CALM)),
                    override("Rejected", color=colour(BAD)),
                    override("Dropped", color=colour(BLIND_COLOUR)),
                ],
                low=0,
                decimals=0,
            ),
        ),
        (
            8,
            lines(
                "Spool",
                "Bytes on disk that wait for delivery to a store. It grows while the store is "
                "unavailable and empties when it is back.",
                total_trend(
                    'max("backlog_bytes")',
                    "collector_store",
                    SELECTED_VANTAGES,
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
                "Write duration",
                "The slowest write of each step.",
                trend(
                    'max("write_seconds")',
                    "collector_store",
                    SELECTED_VANTAGES,
                    by=["store"],
                    alias="$tag_store",
                ),
                unit="s",
                low=0,
            ),
        ),
    )
