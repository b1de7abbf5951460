"""The alert rules and their limits. The runbook is docs/alerts.md, a section for each rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from grafana.build.query import totals
from grafana.build.rule import (
    COLLECTOR_LINK,
    NETWORK_LINK,
    NODE_LINK,
    Last,
    Math,
    Rule,
    RuleQuery,
    share,
    value_text,
)

MANY_RATIO: Final = 0.3
"""Share of listed nodes lost together: from here on one alert instead of one for each node."""
FLAPS: Final = 3
FLAP_WINDOW: Final = timedelta(hours=6)
CERTIFICATE: Final = timedelta(days=7)
OUTDATED_RATIO: Final = 0.5
GPU_FREE_RATIO: Final = 0.1
DIRECTORY: Final = timedelta(minutes=30)
BACKLOG: Final = timedelta(minutes=10)

ROUNDS: Final = timedelta(minutes=5)
"""A few rounds: long enough for a late one, short enough that an old name is soon gone."""

_BY_NODE: Final = ' GROUP BY "node", "name"'
_QUORUM: Final = (
    'SELECT sum("v") / sum("w") FROM (SELECT "lost" * "weight" AS "v", "weight" AS "w" FROM '
    f'"crn_reachability" WHERE $timeFilter) WHERE $timeFilter{_BY_NODE}'
)
_NODE_SINCE: Final = f'SELECT last("since") FROM "crn_reachability" WHERE $timeFilter{_BY_NODE}'
_LATEST_SINCE: Final = (
    'SELECT max("s") AS "since" FROM (SELECT last("since") * last("lost") AS "s" FROM '
    '"crn_reachability" WHERE $timeFilter GROUP BY "node") WHERE $timeFilter'
)
_WENT_DOWN: Final = f'FROM "network_event" WHERE "kind" = \'down\' AND $timeFilter{_BY_NODE}'


def _network(function: str, field: str, name: str) -> RuleQuery:
    """A figure of the whole network, under a name that no other query of its rule has."""
    figure = f'{function}("{field}")'
    return RuleQuery(
        f'SELECT {figure} AS "{name}" FROM ({totals(figure, "network")}) WHERE $timeFilter', ROUNDS
    )


_COLLECTOR: Final = 'GROUP BY "vantage", "shard"'
_WHICH: Final = (
    "vantage {{ $labels.vantage }}"
    '{{ if and $labels.shard (ne $labels.shard "0") }}, shard {{ $labels.shard }},{{ end }}'
)
"""Which collector it is; a network that is not sharded has shard 0 only."""

RULES: Final = (
    Rule(
        uid="crn-node-down",
        title="Node down",
        severity="warning",
        parts={
            "A": RuleQuery(_QUORUM, ROUNDS),
            "P": _network("max", "nodes_lost", "lost"),
            "Q": _network("max", "nodes", "listed"),
            "E": RuleQuery(_NODE_SINCE, ROUNDS),
            "B": Last("A"),
            "L": Last("P"),
            "T": Last("Q"),
            "N": share("L", "T"),
            "S": Last("E"),
            "C": Math(f"$B > 0.5 && $N < {MANY_RATIO}"),
        },
        hold=timedelta(0),
        summary="{{ $labels.name }} is down"
        + value_text("S", "humanizeTimestamp", " since ")
        + ". Most vantages that are not blind agree; it was up within the last 7 days. Node "
        "{{ $labels.node }}.",
        action="Open the Node dashboard: it shows which step fails (DNS, connection, TLS, "
        "response). On the host check the supervisor (systemctl status aleph-vm-supervisor), the "
        "reverse proxy before it and the disk. After 3 days the network stops paying for it.",
        link=NODE_LINK,
    ),
    Rule(
        uid="crn-node-flapping",
        title="Node flapping",
        severity="info",
        parts={
            "A": RuleQuery(
                f'SELECT max("c") FROM (SELECT count("text") AS "c" {_WENT_DOWN}, "vantage") '
                f"WHERE $timeFilter{_BY_NODE}",
                FLAP_WINDOW,
            ),
            "E": RuleQuery(f'SELECT last("since") {_WENT_DOWN}', FLAP_WINDOW),
            "B": Last("A"),
            "S": Last("E"),
            "C": Math(f"$B >= {FLAPS}"),
        },
        hold=timedelta(0),
        summary="{{ $labels.name }} went down "
        + value_text("B", "humanize", after=" times ")
        + "within 6 "
        "hours" + value_text("S", "humanizeTimestamp", ", the last time at ") + ". Node "
        "{{ $labels.node }}.",
        action="Open the Node dashboard and compare the outages with load, memory and versions: "
        "a supervisor that restarts, a full disk or a busy uplink are the usual causes.",
        link=NODE_LINK,
        when_empty="OK",  # no events at all is how it resolves
    ),
    Rule(
        uid="crn-many-down",
        title="Many nodes down at once",
        severity="critical",
        parts={
            "P": _network("max", "nodes_lost", "lost"),
            "Q": _network("max", "nodes", "listed"),
            "E": RuleQuery(_LATEST_SINCE, ROUNDS),
            "L": Last("P"),
            "T": Last("Q"),
            "N": share("L", "T"),
            "S": Last("E"),
            "C": Math(f"$N >= {MANY_RATIO}"),
        },
        hold=timedelta(minutes=1),
        summary=value_text("N", "humanizePercentage", without="Many")
        + " of all listed nodes are lost"
        + value_text("S", "humanizeTimestamp", ", the latest since ")
        + ". The "
        "controls answer, so this is no outage of the collector itself. Single nodes are not "
        "reported meanwhile.",
        action="Open the Network dashboard: do the causes agree (one hoster, one release, DNS)? "
        "Compare with another vantage before you announce an outage.",
        link=NETWORK_LINK,
    ),
    Rule(
        uid="crn-certificate-expiring",
        title="Certificate expiring",
        severity="warning",
        parts={
            "A": RuleQuery(
                'SELECT last("cert_expiry_seconds") FROM "crn_reachability" WHERE '
                '"reachable" = 1 AND $timeFilter GROUP BY "node", "name"',
                timedelta(minutes=15),
            ),
            "B": Last("A"),
            "C": Math(f"$B < {int(CERTIFICATE.total_seconds())}"),
        },
        hold=timedelta(minutes=30),
        summary="The certificate of {{ $labels.name }} expires"
        + value_text("B", "humanizeDuration", " in ")
        + "; it has not been renewed although less than 7 days remain. Node {{ $labels.node }}.",
        action="Check the log of the node's reverse proxy for failed renewals; port 80 or 443 must "
        "be reachable for the authority. When it has expired, the node counts as down.",
        link=NODE_LINK,
    ),
    Rule(
        uid="crn-version-outdated",
        title="Version outdated across the network",
        severity="info",
        parts={
            "P": _network("mean", "nodes_outdated", "outdated"),
            "Q": _network("mean", "nodes_up", "up"),
            "O": Last("P"),
            "T": Last("Q"),
            "B": share("O", "T"),
            "C": Math(f"$B > {OUTDATED_RATIO}"),
        },
        hold=timedelta(days=1),
        summary="For more than a day "
        + value_text("B", "humanizePercentage", without="more than half")
        + " as many nodes as are up have run a version older than the network's "
        "last_crn_version.",
        action="Clients leave these nodes out. Tell their operators to upgrade aleph-vm, or ask "
        "whether last_crn_version was set too early. The versions are on the Network dashboard.",
        link=NETWORK_LINK,
    ),
    Rule(
        uid="crn-gpu-capacity-low",
        title="GPU capacity low",
        severity="info",
        parts={
            "P": _network("mean", "gpu_available", "free"),
            "Q": _network("mean", "gpu_total", "cards"),
            "F": Last("P"),
            "G": Last("Q"),
            "B": share("F", "G"),
            "C": Math(f"$F < {GPU_FREE_RATIO} * $G"),  # without labels too, as in share()
        },
        hold=timedelta(minutes=30),
        summary="For half an hour only "
        + value_text("B", "humanizePercentage", without="few")
        + " of the "
        "network's " + value_text("G", "humanize", after=" ") + "GPUs have been free.",
        action="The Capacity dashboard shows which models are left and on which nodes.",
        link="{{ externalURL }}d/crn-capacity/capacity",
    ),
    Rule(
        uid="crn-directory-stale",
        title="Directory stale",
        severity="warning",
        parts={
            "A": RuleQuery(
                'SELECT last("directory_age_seconds") FROM "network" WHERE $timeFilter '
                f"{_COLLECTOR}",
                ROUNDS,
            ),
            "B": Last("A"),
            "C": Math(f"$B > {int(DIRECTORY.total_seconds())}"),
        },
        hold=timedelta(0),
        summary="The list of nodes at "
        + _WHICH
        + " was last confirmed "
        + value_text("B", "humanizeDuration", after=" ago", without="too long ago")
        + ". Nodes that joined or left since are not known.",
        action="See the collector's log for the API hosts that it queried and their responses. "
        "Nodes on the old list are still visited, so this is not urgent.",
        link=COLLECTOR_LINK,
    ),
    Rule(
        uid="crn-spool",
        title="Spool growing or dropping",
        severity="warning",
        parts={
            "A": RuleQuery(
                'SELECT last("backlog_seconds") FROM "collector_store" WHERE $timeFilter '
                f'{_COLLECTOR}, "store"',
                timedelta(minutes=15),
            ),
            "D": RuleQuery(
                'SELECT sum("points_dropped") + sum("points_rejected") FROM "collector_store" '
                f'WHERE $timeFilter {_COLLECTOR}, "store"',
                timedelta(minutes=30),
            ),
            "B": Last("A"),
            "G": Last("D"),
            "C": Math(f"$B > {int(BACKLOG.total_seconds())} || $G > 0"),
        },
        hold=timedelta(minutes=5),
        summary="Store {{ $labels.store }} at " + _WHICH + ": the oldest round has "
        "waited for "
        + value_text("B", "humanizeDuration", without="an unknown time")
        + ", and "
        + value_text("G", "humanize", without="some")
        + " points were rejected or dropped within the last 30 minutes.",
        action="crn-collector spool ls shows what waits, crn-collector spool rejected what the "
        "database rejected and why. Waiting rounds are delivered by themselves when the database "
        "is back; dropped ones are lost there but still in the embedded store.",
        link=COLLECTOR_LINK,
    ),
    Rule(
        uid="crn-two-collectors",
        title="Two collectors write the same points",
        severity="warning",
        parts={
            "A": RuleQuery(
                f'SELECT last("conflict") FROM "collector_store" WHERE $timeFilter {_COLLECTOR}, '
                '"store"',
                ROUNDS,
            ),
            "B": Last("A"),
            "C": Math("$B > 0.5"),
        },
        hold=timedelta(0),
        summary="Another collector writes the points of "
        + _WHICH
        + " into store {{ $labels.store }} too: they overwrite each other.",
        action="Find the other collector, and stop it or give it a vantage of its own.",
        link=COLLECTOR_LINK,
    ),
    Rule(
        uid="crn-dead-man",
        title="Dead man",
        severity="critical",
        parts={
            "A": RuleQuery(
                'SELECT moving_average("c", 5) FROM (SELECT count("nodes") AS "c" FROM "network" '
                "WHERE \"shard\" != '' AND $timeFilter "
                'GROUP BY time(1m), "vantage", "shard" fill(0)) WHERE $timeFilter '
                f"{_COLLECTOR}",  # without a shard: written by the version before, and over
                timedelta(days=1),
            ),
            "B": Last("A"),
            "C": Math("$B < 0.1"),
        },
        hold=timedelta(minutes=3),
        summary="No round has been written {{ if $labels.vantage }}by "
        + _WHICH
        + " {{ end }}for at least 5 minutes, or the database does not answer. "
        "Nothing is known of its nodes since then; if it is the only one, no other rule can fire.",
        action="Is the collector running (crn-collector health), and does it reach the database "
        "(the Collector dashboard, crn-collector spool ls)? Rounds that wait are delivered later.",
        link=COLLECTOR_LINK,
        when_empty="Alerting",
        on_error="Alerting",
    ),
    Rule(
        uid="crn-vantage-blind",
        title="Vantage blind",
        severity="warning",
        parts={
            "A": RuleQuery(
                f'SELECT mean("vantage_ok") FROM "network" WHERE $timeFilter {_COLLECTOR}',
                ROUNDS,
            ),
            "B": Last("A"),
            "C": Math("$B < 0.5"),
        },
        hold=timedelta(minutes=3),
        summary=_WHICH.replace("vantage", "Vantage", 1)
        + " has been blind in most rounds of the last 8 minutes: "
        "its controls do not answer either. Nodes keep the state that they had.",
        action="The reason is on the Collector dashboard. Check the network of the collector's "
        "host: DNS, routes, firewall, file descriptors.",
        link=COLLECTOR_LINK,
    ),
)
