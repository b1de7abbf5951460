"""The alert rules and their limits. The runbook is docs/alerts.md, a section for each rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from grafana.build.query import totals
from grafana.build.rule import (
    COLLECTOR_LINK,
    NETWORK_LINK,
    NODE_LINK,
    Ask,
    Last,
    Math,
    Rule,
    share,
    shown,
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


def _network(function: str, field: str, name: str) -> Ask:
    """A figure of the whole network, under a name that no other query of its rule has."""
    figure = f'{function}("{field}")'
    return Ask(
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
            "A": Ask(_QUORUM, ROUNDS),
            "P": _network("max", "nodes_lost", "lost"),
            "Q": _network("max", "nodes", "listed"),
            "E": Ask(_NODE_SINCE, ROUNDS),
            "B": Last("A"),
            "L": Last("P"),
            "T": Last("Q"),
            "N": share("L", "T"),
            "S": Last("E"),
            "C": Math(f"$B > 0.5 && $N < {MANY_RATIO}"),
        },
        hold=timedelta(0),
        what="{{ $labels.name }} is down"
        + shown("S", "humanizeTimestamp", " since ")
        + ". Most vantages that are not blind agree; it was up within the last 7 days. Node "
        "{{ $labels.node }}.",
        todo="Open the Node dashboard: it shows which step fails (DNS, connection, TLS, response). "
        "On the host check the supervisor (systemctl status aleph-vm-supervisor), the reverse "
        "proxy before it and the disk. After 3 days the network stops paying for it.",
        link=NODE_LINK,
    ),
    Rule(
        uid="crn-node-flapping",
        title="Node flapping",
        severity="info",
        parts={
            "A": Ask(
                f'SELECT max("c") FROM (SELECT count("text") AS "c" {_WENT_DOWN}, "vantage") '
                f"WHERE $timeFilter{_BY_NODE}",
                FLAP_WINDOW,
            ),
            "E": Ask(f'SELECT last("since") {_WENT_DOWN}', FLAP_WINDOW),
            "B": Last("A"),
            "S": Last("E"),
            "C": Math(f"$B >= {FLAPS}"),
        },
        hold=timedelta(0),
        what="{{ $labels.name }} went down " + shown("B", "humanize", after=" times ") + "within 6 "
        "hours" + shown("S", "humanizeTimestamp", ", the last time at ") + ". Node "
        "{{ $labels.node }}.",
        todo="Open the Node dashboard and compare the outages with its load, memory and versions: "
        "a supervisor that restarts, a full disk or a busy uplink are the usual causes.",
        link=NODE_LINK,
        no_data="OK",  # no events at all is how it resolves
    ),
    Rule(
        uid="crn-many-down",
        title="Many nodes down at once",
        severity="critical",
        parts={
            "P": _network("max", "nodes_lost", "lost"),
            "Q": _network("max", "nodes", "listed"),
            "E": Ask(_LATEST_SINCE, ROUNDS),
            "L": Last("P"),
            "T": Last("Q"),
            "N": share("L", "T"),
            "S": Last("E"),
            "C": Math(f"$N >= {MANY_RATIO}"),
        },
        hold=timedelta(minutes=1),
        what=shown("N", "humanizePercentage", without="Many")
        + " of all listed nodes are lost"
        + shown("S", "humanizeTimestamp", ", the latest since ")
        + ". The "
        "controls answer, so this is no outage of the collector itself. Single nodes are not "
        "reported meanwhile.",
        todo="Open the Network dashboard: do the causes agree (one hoster, one release, DNS)? "
        "Compare with another vantage before you announce an outage.",
        link=NETWORK_LINK,
    ),
    Rule(
        uid="crn-certificate-expiring",
        title="Certificate expiring",
        severity="warning",
        parts={
            "A": Ask(
                'SELECT last("cert_expiry_seconds") FROM "crn_reachability" WHERE '
                '"reachable" = 1 AND $timeFilter GROUP BY "node", "name"',
                timedelta(minutes=15),
            ),
            "B": Last("A"),
            "C": Math(f"$B < {int(CERTIFICATE.total_seconds())}"),
        },
        hold=timedelta(minutes=30),
        what="The certificate of {{ $labels.name }} expires"
        + shown("B", "humanizeDuration", " in ")
        + "; it has not been renewed although less than 7 days remain. Node {{ $labels.node }}.",
        todo="Check the log of the node's reverse proxy for failed renewals; port 80 or 443 must "
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
        what="For more than a day "
        + shown("B", "humanizePercentage", without="more than half")
        + " as many nodes as are up have run a version older than the network's "
        "last_crn_version.",
        todo="Clients leave these nodes out. Tell their operators to upgrade aleph-vm, or ask "
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
        what="For half an hour only " + shown("B", "humanizePercentage", without="few") + " of the "
        "network's " + shown("G", "humanize", after=" ") + "GPUs have been free.",
        todo="The Capacity dashboard shows which models are left and on which nodes.",
        link="{{ externalURL }}d/crn-capacity/capacity",
    ),
    Rule(
        uid="crn-directory-stale",
        title="Directory stale",
        severity="warning",
        parts={
            "A": Ask(
                'SELECT last("directory_age_seconds") FROM "network" WHERE $timeFilter '
                f"{_COLLECTOR}",
                ROUNDS,
            ),
            "B": Last("A"),
            "C": Math(f"$B > {int(DIRECTORY.total_seconds())}"),
        },
        hold=timedelta(0),
        what="The list of nodes at "
        + _WHICH
        + " was last confirmed "
        + shown("B", "humanizeDuration", after=" ago", without="too long ago")
        + ". Nodes that joined or left since are not known.",
        todo="See the collector's log for the API hosts that it queried and their responses. "
        "Nodes on the old list are still visited, so this is not urgent.",
        link=COLLECTOR_LINK,
    ),
    Rule(
        uid="crn-spool",
        title="Spool growing or dropping",
        severity="warning",
        parts={
            "A": Ask(
                'SELECT last("backlog_seconds") FROM "collector_store" WHERE $timeFilter '
                f'{_COLLECTOR}, "store"',
                timedelta(minutes=15),
            ),
            "D": Ask(
                'SELECT sum("points_dropped") + sum("points_rejected") FROM "collector_store" '
                f'WHERE $timeFilter {_COLLECTOR}, "store"',
                timedelta(minutes=30),
            ),
            "B": Last("A"),
            "G": Last("D"),
            "C": Math(f"$B > {int(BACKLOG.total_seconds())} || $G > 0"),
        },
        hold=timedelta(minutes=5),
        what="Store {{ $labels.store }} at " + _WHICH + ": the oldest round has "
        "waited for "
        + shown("B", "humanizeDuration", without="an unknown time")
        + ", and "
        + shown("G", "humanize", without="some")
        + " points were rejected or dropped within the last 30 minutes.",
        todo="crn-collector spool ls shows what waits, crn-collector spool rejected what the "
        "database rejected and why. Waiting rounds are delivered by themselves when the database "
        "is back; dropped ones are lost there but still in the embedded store.",
        link=COLLECTOR_LINK,
    ),
    Rule(
        uid="crn-dead-man",
        title="Dead man",
        severity="critical",
        parts={
            "A": Ask(
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
        what="No round has been written {{ if $labels.vantage }}by "
        + _WHICH
        + " {{ end }}for at least 5 minutes, or the database does not answer. "
        "Nothing is known about any node since then, and no other rule can fire.",
        todo="Is the collector running (crn-collector health), and does it reach the database "
        "(the Collector dashboard, crn-collector spool ls)? Rounds that wait are delivered later.",
        link=COLLECTOR_LINK,
        no_data="Alerting",
        on_error="Alerting",
    ),
    Rule(
        uid="crn-vantage-blind",
        title="Vantage blind",
        severity="warning",
        parts={
            "A": Ask(
                f'SELECT mean("vantage_ok") FROM "network" WHERE $timeFilter {_COLLECTOR}',
                ROUNDS,
            ),
            "B": Last("A"),
            "C": Math("$B < 0.5"),
        },
        hold=timedelta(minutes=3),
        what=_WHICH.replace("vantage", "Vantage", 1)
        + " has been blind in most rounds of the last 8 minutes: "
        "its controls do not answer either. Nodes keep the state that they had.",
        todo="The reason is on the Collector dashboard. Check the network of the collector's "
        "host: DNS, routes, firewall, file descriptors.",
        link=COLLECTOR_LINK,
    ),
)
