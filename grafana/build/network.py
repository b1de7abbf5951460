"""The Network dashboard: what a newcomer looks at first."""

from __future__ import annotations

from grafana.build import reshape
from grafana.build.dashboard import (
    CAPACITY,
    COLLECTOR,
    NETWORK,
    dashboard,
    dashboard_link,
    datasource,
    events,
    node_link,
    vantage,
)
from grafana.build.field import (
    FAILURE,
    HIDE_ZEROS,
    KIND,
    REASON,
    UP,
    by_failure,
    colour,
    flag,
    graded,
    override,
    thresholds,
    word,
)
from grafana.build.grid import Row, row
from grafana.build.panel import bars, lines, stat, table
from grafana.build.query import SEEN_FROM, Json, Query, each, newest, rows, trend
from grafana.build.words import BAD, CALM, FAINT_BAD, FAINT_CALM, FAINT_GOOD, GOOD, MUTED, WARN

NODE_COLUMN = override("name", displayName="Node", links=[node_link()], custom__minWidth=120)
HIDDEN = {"custom__hidden": True}


TREND = "Nodes up over time"
LOST = "Lost nodes over time"


def build() -> Json:
    """The whole dashboard."""
    marked = (TREND,)
    return dashboard(
        NETWORK,
        "CRN network",
        "Every compute node of the Aleph Cloud network, looked at once a minute.",
        [_now(), _trend(), _causes(), _nodes(), _events(), _versions(), _capacity()],
        variables=[datasource(), vantage()],
        annotations=[
            events("Nodes down", ("down",), FAINT_BAD, panels=marked),
            events("Nodes up again", ("up",), FAINT_GOOD, on=False, panels=marked),
            events("Joined and left", ("joined", "left"), FAINT_CALM, on=False, panels=marked),
        ],
    )


def _count(fields: str, *where: str) -> Query:
    return trend(fields, "network", *where, SEEN_FROM)


def _now() -> Row:
    return row(
        4,
        (
            3,
            stat(
                "Up",
                "Nodes that are up: a short failure does not count, several in a row do.",
                _count('mean("nodes_up") AS "Up"'),
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
                _count('mean("nodes_up") / mean("nodes") AS "Share up"'),
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
                "ones to look at; nodes that died long ago are not among them.",
                _count('mean("nodes_lost") AS "Lost"'),
                levels=thresholds(GOOD, (1, WARN), (20, BAD)),
                decimals=0,
            ),
        ),
        (
            3,
            stat(
                "IPv6",
                "Nodes whose IPv6 works, out of those where it was checked in the last 12 hours.",
                _count('mean("nodes_ipv6_ok") / mean("nodes_ipv6_measured") AS "IPv6 works"'),
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
                "leave them out.",
                _count('mean("nodes_outdated") AS "Outdated"'),
                levels=thresholds(GOOD, (1, "yellow"), (100, WARN)),
                decimals=0,
            ),
        ),
        (
            3,
            stat(
                "GPUs",
                "GPUs that nobody uses, on the nodes that answered.",
                _count('mean("gpu_available") AS "Free"'),
                unit="suffix: free",
                levels=thresholds(BAD, (1, WARN), (3, GOOD)),
                decimals=0,
                links=[dashboard_link(CAPACITY, "Capacity")],
            ),
        ),
        (
            3,
            stat(
                "View",
                "Whether this collector itself could see in the last round. While it is blind, "
                "nodes keep the state that they had.",
                newest('last("vantage_reason") AS "View"', "network", SEEN_FROM),
                mappings=REASON,
                spark=False,
                fields="/^View$/",
                links=[dashboard_link(COLLECTOR, "Collector")],
                text_size=26,
                since="15m",
            ),
        ),
        (
            3,
            stat(
                "Updated",
                "When the newest round in the database was looked at. More than a few minutes "
                "means that the collector, or its way to the database, is broken.",
                newest('last("nodes") AS "Listed"', "network", SEEN_FROM),
                unit="dateTimeFromNow",
                spark=False,
                fields="/^Time$/",
                levels=thresholds(CALM),
                links=[dashboard_link(COLLECTOR, "Collector")],
                text_size=22,
            ),
        ),
    )


def _trend() -> Row:
    return row(
        9,
        (
            15,
            lines(
                TREND,
                "Listed: in the published list. Up: after hysteresis. Reachable: in that very "
                "round; it dips when this vantage is blind, Up does not. A gap means that no "
                "round was written.",
                _count(
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
                "Why nodes fail now",
                "Nodes by what went wrong with them in the newest round. «We: …» is this "
                "collector's own fault and says nothing about the node.",
                each(
                    'last("nodes") AS "nodes"',
                    "network_failure",
                    "\"failure\" != 'none'",
                    SEEN_FROM,
                    by=["failure"],
                ),
                transformations=[
                    reshape.keep_all(("nodes", "greater", 0)),
                    reshape.sort("nodes", largest_first=True),
                    reshape.columns(drop=("Time",)),
                    reshape.turn("failure", "nodes"),
                ],
                overrides=by_failure(),
                since="15m",
            ),
        ),
    )


def _causes() -> Row:
    return row(
        9,
        (
            15,
            lines(
                "Failures by cause",
                "Nodes that were not reachable, by cause. What was this collector's own fault is "
                "left out (the Collector dashboard has it), so rounds that it could not see in "
                "are dips here.",
                trend(
                    'mean("nodes")',
                    "network_failure",
                    "\"failure\" != 'none'",
                    "\"fault\" != 'vantage'",
                    SEEN_FROM,
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
                _count('max("nodes_lost") AS "Lost"'),
                overrides=[override("Lost", color=colour(BAD), custom__fillOpacity=25)],
                steps=True,
                low=0,
                decimals=0,
                soft_high=10,
            ),
        ),
    )


def _nodes() -> Row:
    return row(
        11,
        (
            15,
            table(
                "Nodes down now",
                "Every listed node that is down. «Lost» ones were up within the last 7 days; the "
                "others have been dead for longer.",
                each(
                    'last("up") AS "up", last("lost") AS "lost", last("failure") AS "failure", '
                    'last("score") AS "score", '
                    'last("evidence_age_seconds") AS "age", last("address") AS "address"',
                    "crn_reachability",
                    SEEN_FROM,
                    by=["node", "name"],
                ),
                transformations=[
                    reshape.keep_all(("up", "equal", 0)),
                    reshape.sort("lost", largest_first=True),
                    reshape.columns(
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
                        **word(flag("Lost", "Long dead", good=BAD, bad=MUTED), custom__width=85),
                    ),
                    override("failure", displayName="Why", **word(FAILURE, custom__width=165)),
                    override("address", displayName="Address", custom__minWidth=180),
                    override(
                        "score",
                        displayName="Score",
                        unit="percentunit",
                        decimals=0,
                        custom__width=65,
                    ),
                    override("age", displayName="Tried", unit="s", custom__width=75),
                    override("node", **HIDDEN),
                ],
                since="10m",
            ),
        ),
        (
            9,
            table(
                "Worst nodes",
                "Nodes that were up for some of the time only, the least first. Those that were "
                "down all the time are in the list of nodes that are down.",
                each(
                    'mean("up") AS "uptime", last("up") AS "state", last("failure") AS "failure"',
                    "crn_reachability",
                    SEEN_FROM,
                    by=["node", "name"],
                ),
                transformations=[
                    reshape.keep_all(("uptime", "greater", 0), ("uptime", "lower", 1)),
                    reshape.sort("uptime"),
                    reshape.first(25),
                    reshape.columns("name", "uptime", "state", "failure", "node"),
                ],
                overrides=[
                    NODE_COLUMN,
                    override(
                        "uptime",
                        displayName="Up for",
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
                        **word(UP),
                        custom__width=70,
                    ),
                    override(
                        "failure",
                        displayName="Last round",
                        **word(FAILURE),
                        custom__width=160,
                    ),
                    override("node", **HIDDEN),
                ],
            ),
        ),
    )


def _events() -> Row:
    return row(
        10,
        (
            15,
            table(
                "Events",
                "The newest 200 events: nodes that went down or came back, joined, left, moved, "
                "were renamed or upgraded, and GPUs that came or went.",
                rows('"kind", "name", "text", "node"', "network_event", SEEN_FROM, limit=200),
                transformations=[reshape.columns("Time", "kind", "name", "text", "node", drop=())],
                overrides=[
                    override("Time", displayName="When", custom__width=165),
                    override(
                        "kind",
                        displayName="Event",
                        **word(KIND),
                        custom__width=120,
                    ),
                    override("name", displayName="Node", links=[node_link()], custom__width=170),
                    override("text", displayName="In words"),
                    override("node", **HIDDEN),
                ],
                empty="Nothing happened in this range",
            ),
        ),
        (
            9,
            lines(
                "IPv6 over time",
                "Nodes whose IPv6 works, and those where it was checked. A check starts a VM on "
                "the node, so it is done every 6 hours only.",
                _count(
                    'mean("nodes_ipv6_measured") AS "Checked", mean("nodes_ipv6_ok") AS "Works"'
                ),
                overrides=[
                    override("Checked", color=colour(MUTED), custom__fillOpacity=0),
                    override("Works", color=colour(GOOD)),
                ],
                decimals=0,
                low=0,
            ),
        ),
    )


def _versions() -> Row:
    return row(
        9,
        (
            15,
            lines(
                "Firmware versions",
                "Nodes by the release of aleph-vm that they last stated.",
                trend(
                    'mean("nodes")',
                    "network_version",
                    SEEN_FROM,
                    by=["version"],
                    alias="$tag_version",
                ),
                overrides=[HIDE_ZEROS],
                stack=True,
                decimals=0,
                legend="right",
                calcs=["lastNotNull"],
            ),
        ),
        (
            9,
            lines(
                "Outdated nodes",
                "Nodes older than the network's `last_crn_version`. It jumps when that is raised "
                "and falls as operators upgrade.",
                _count('mean("nodes_outdated") AS "Outdated"'),
                overrides=[override("Outdated", color=colour(WARN), custom__fillOpacity=25)],
                low=0,
                decimals=0,
                soft_high=10,
            ),
        ),
    )


def _capacity() -> Row:
    def used(what: str, total: str, free: str, title: str, unit: str) -> tuple[int, Json]:
        return (
            6,
            lines(
                title,
                f"{what} of the nodes that answered: used, and all there is.",
                _count(f'mean("{total}") AS "All", mean("{total}") - mean("{free}") AS "Used"'),
                unit=unit,
                overrides=[
                    override("All", color=colour(MUTED), custom__fillOpacity=0),
                    override("Used", color=colour(CALM), custom__fillOpacity=25),
                ],
                low=0,
            ),
        )

    return row(
        7,
        used("GPUs", "gpu_total", "gpu_available", "GPUs", "short"),
        used("Memory", "mem_total_bytes", "mem_available_bytes", "Memory", "decbytes"),
        used("Disk", "disk_total_bytes", "disk_available_bytes", "Disk", "decbytes"),
        (
            6,
            lines(
                "CPUs",
                "Logical CPUs of the nodes that answered.",
                _count('mean("cpu_total") AS "All"'),
                overrides=[override("All", color=colour(CALM))],
                low=0,
                decimals=0,
            ),
        ),
        title="Capacity",
    )
