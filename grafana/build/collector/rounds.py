"""Rounds, what they could see, and what they cost."""

from __future__ import annotations

from typing import Final

from grafana.build.collector.asking import COLLECTOR_NAME, per_collector
from grafana.build.field import HIDE_ZEROS, REASON, by_fault, colour, override, thresholds
from grafana.build.grid import Row, row
from grafana.build.panel import lines, states
from grafana.build.query import SEEN_FROM, Query, totals, trend
from grafana.build.words import BAD, WARN

_BY_FAULT: Final = totals(
    'mean("nodes")',
    "network_failure",
    "\"fault\" != 'none'",
    SEEN_FROM,
    by=["fault"],
    within=["failure"],
)


def rounds_row() -> Row:
    """How long rounds take, and those that did not go well."""
    return row(
        8,
        (
            12,
            lines(
                "Rounds, and how long they take",
                "From the start of a round to its judgement, the longest in each step.",
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
                "Rounds that did not go well",
                "Skipped: the round before was still running. Missed: we were late. Overran: ended "
                "by the deadline.",
                trend(
                    'sum("rounds_skipped") AS "Skipped", sum("rounds_missed") AS "Missed", '
                    'sum("overran") AS "Overran"',
                    "collector",
                    SEEN_FROM,
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


def seeing_row() -> Row:
    """What could be seen, and whose fault the failures were."""
    return row(
        8,
        (
            12,
            states(
                "What it could see",
                "One bar for each collector: vantage / shard. Purple: it was blind; nodes keep the "
                "state that they had, and its failures say nothing about them.",
                Query(
                    f'SELECT last("vantage_reason") FROM "network" WHERE {SEEN_FROM} AND '
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
                "Failures, by whose fault they are",
                "Nodes that were not reachable. Only what is the node's, or its name's, counts "
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
                "Endpoints asked",
                "Requests in each round.",
                per_collector('mean("probes")'),
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
                per_collector('max("loop_lag_seconds")'),
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
