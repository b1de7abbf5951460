"""Rounds, vantages, and what rounds cost."""

from __future__ import annotations

from typing import Final

from grafana.build.collector.queries import COLLECTOR_NAME, per_collector
from grafana.build.field import HIDE_ZEROS, REASON, by_fault, colour, override, thresholds
from grafana.build.grid import Row, row
from grafana.build.labels import BAD, WARN
from grafana.build.panel import lines, states
from grafana.build.query import SELECTED_VANTAGES, Query, totals, trend

_BY_FAULT: Final = totals(
    'mean("nodes")',
    "network_failure",
    "\"fault\" != 'none'",
    SELECTED_VANTAGES,
    by=["fault"],
    within=["failure"],
)


def rounds_row() -> Row:
    """Duration of rounds, and those that were skipped, missed or overran."""
    return row(
        8,
        (
            12,
            lines(
                "Round duration",
                "From the start of a round until its points are built, the longest of each step.",
                per_collector('max("round_seconds")'),
                unit="s",
                low=0,
                levels=thresholds("transparent", (55, BAD)),
                limits=True,
            ),
        ),
        (
            12,
            lines(
                "Rounds not run or overran",
                "Skipped: the round before was still running. Missed: the collector was late. "
                "Overran: ended by the deadline.",
                trend(
                    'sum("rounds_skipped") AS "Skipped", sum("rounds_missed") AS "Missed", '
                    'sum("overran") AS "Overran"',
                    "collector",
                    SELECTED_VANTAGES,
                ),
                overrides=[
                    override("Skipped", color=colour(WARN)),
                    override("Missed", color=colour(BAD)),
                    override("Overran", color=colour("yellow")),
                ],
                bars=True,
                stack=True,
                low=0,
                decimals=0,
                soft_high=5,
            ),
        ),
    )


def vantage_row() -> Row:
    """Status of each vantage, and failures by fault."""
    return row(
        8,
        (
            12,
            states(
                "Vantage status",
                "One bar for each collector: vantage / shard. Purple: it was blind; nodes keep the "
                "state that they had, and failures of such a round say nothing about them.",
                Query(
                    f'SELECT last("vantage_reason") FROM "network" WHERE {SELECTED_VANTAGES} AND '
                    '$timeFilter GROUP BY time($__interval), "vantage", "shard" fill(null)',
                    alias=COLLECTOR_NAME,
                ),
                mappings=REASON,
                legend=False,
            ),
        ),
        (
            12,
            lines(
                "Failures by fault",
                "Nodes that were not reachable. Only faults of the node and of its DNS count "
                "against it.",
                Query(
                    f'SELECT mean("nodes") FROM ({_BY_FAULT}) WHERE $timeFilter '
                    'GROUP BY time($__interval), "fault" fill(null)',
                    alias="$tag_fault",
                ),
                overrides=[*by_fault(), HIDE_ZEROS],
                stack=True,
                low=0,
                decimals=0,
            ),
        ),
    )


def work_row() -> Row:
    """What a round costs."""
    return row(
        8,
        (
            6,
            lines(
                "Probes",
                "Probes of endpoints in each round.",
                per_collector('mean("probes")'),
                low=0,
                decimals=0,
            ),
        ),
        (
            6,
            lines(
                "Event loop lag",
                "How late the event loop was in sum, in the worst 5 seconds of a round. Above a "
                "second, durations and timeouts cannot be trusted; above 2 the round is blind.",
                per_collector('max("loop_late_seconds")'),
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
                per_collector('max("rss_bytes")'),
                unit="bytes",
                low=0,
            ),
        ),
        (
            6,
            lines(
                "Open files",
                "File descriptors, sockets included.",
                per_collector('max("open_fds")'),
                low=0,
                decimals=0,
            ),
        ),
    )
