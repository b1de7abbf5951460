"""The alert rules and their limits. The runbook is docs/alerts.md, a section for each rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from grafana.build.rule import COLLECTOR_LINK, NETWORK_LINK, NODE_LINK, Ask, Last, Math, Rule

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
MEMORY: Final = timedelta(days=2)
"""How far back the beginning of an outage is looked for."""

_QUORUM: Final = (
    'SELECT sum("v") / sum("w") FROM (SELECT "lost" * "weight" AS "v", "weight" AS "w" FROM '
    '"crn_reachability" WHERE $timeFilter) WHERE $timeFilter GROUP BY "node", "name"'
)
_SHARE_LOST: Final = 'SELECT max("nodes_lost") / max("nodes") FROM "network" WHERE $timeFilter'
_WENT_DOWN: Final = (
    'SELECT last("since") FROM "network_event" WHERE "kind" = \'down\' AND $timeFilter'
)
_BY_NODE: Final = ' GROUP BY "node", "name"'
_SINCE: Final = "{{ if $values.S }} since {{ humanizeTimestamp $values.S.Value }}{{ end }}"

RULES: Final = (
    Rule(
        uid="crn-node-down",
        title="Node down",
        severity="warning",
        parts={
            "A": Ask(_QUORUM, ROUNDS),
            "M": Ask(_SHARE_LOST, ROUNDS),
            "E": Ask(_WENT_DOWN + _BY_NODE, MEMORY),
            "B": Last("A"),
            "N": Last("M"),
            "S": Last("E"),
            "C": Math(f"$B > 0.5 && $N < {MANY_RATIO}"),
        },
        hold=timedelta(0),
        what="{{ $labels.name }} is down" + _SINCE + ". Most vantages that can see agree; "
        "it was up within the last 7 days. Node {{ $labels.node }}.",
        todo="Open the Node dashboard: it shows which step fails (name, connection, TLS, answer). "
        "On the machine look at the supervisor (systemctl status aleph-vm-supervisor), at the "
        "web server before it and at the disk. After 3 days the network stops paying for it.",
        link=NODE_LINK,
    ),
    Rule(
        uid="crn-node-flapping",
        title="Node flapping",
        severity="info",
        parts={
            "A": Ask(
                'SELECT max("c") FROM (SELECT count("text") AS "c" FROM "network_event" '
                'WHERE "kind" = \'down\' AND $timeFilter GROUP BY "node", "name", '
                '"vantage") WHERE $timeFilter GROUP BY "node", "name"',
                FLAP_WINDOW,
            ),
            "E": Ask(_WENT_DOWN + _BY_NODE, FLAP_WINDOW),
            "B": Last("A"),
            "S": Last("E"),
            "C": Math(f"$B >= {FLAPS}"),
        },
        hold=timedelta(0),
        what="{{ $labels.name }} went down {{ humanize $values.B.Value }} times within 6 hours, "
        "the last time{{ if $values.S }} at {{ humanizeTimestamp $values.S.Value }}{{ end }}. "
        "Node {{ $labels.node }}.",
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
            "M": Ask(_SHARE_LOST, ROUNDS),
            "E": Ask(_WENT_DOWN, MEMORY),
            "N": Last("M"),
            "S": Last("E"),
            "C": Math(f"$N >= {MANY_RATIO}"),
        },
        hold=timedelta(minutes=1),
        what="{{ humanizePercentage $values.N.Value }} of all listed nodes are lost{{ if "
        "$values.S }}, the latest since {{ humanizeTimestamp $values.S.Value }}{{ end }}. The "
        "controls answer, so this is not this collector's own outage. Single nodes are not "
        "reported meanwhile.",
        todo="Open the Network dashboard: do the causes agree (one hoster, one release, DNS)? "
        "Compare with another vantage before you tell anybody.",
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
        what="The certificate of {{ $labels.name }} expires in {{ humanizeDuration "
        "$values.B.Value }}; it has not been renewed although less than 7 days remain. Node "
        "{{ $labels.node }}.",
        todo="Look at the web server's log on the node for failed renewals; port 80 or 443 must "
        "be reachable for the authority. When it has expired, the node counts as down.",
        link=NODE_LINK,
    ),
    Rule(
        uid="crn-version-outdated",
        title="Version outdated across the network",
        severity="info",
        parts={
            "A": Ask(
                'SELECT mean("nodes_outdated") / mean("nodes_up") FROM "network" WHERE $timeFilter',
                ROUNDS,
            ),
            "B": Last("A"),
            "C": Math(f"$B > {OUTDATED_RATIO}"),
        },
        hold=timedelta(days=1),
        what="For more than a day {{ humanizePercentage $values.B.Value }} as many nodes as are "
        "up run a version older than the network's last_crn_version.",
        todo="Clients leave these nodes out. Tell their operators to upgrade aleph-vm, or ask "
        "whether last_crn_version was set too early. The versions are on the Network dashboard.",
        link=NETWORK_LINK,
    ),
    Rule(
        uid="crn-gpu-capacity-low",
        title="GPU capacity low",
        severity="info",
        parts={
            "A": Ask(
                'SELECT mean("gpu_available") / mean("gpu_total") FROM "network" WHERE $timeFilter',
                ROUNDS,
            ),
            "T": Ask('SELECT mean("gpu_total") FROM "network" WHERE $timeFilter', ROUNDS),
            "B": Last("A"),
            "G": Last("T"),
            "C": Math(f"$G > 0 && $B < {GPU_FREE_RATIO}"),
        },
        hold=timedelta(minutes=30),
        what="For half an hour only {{ humanizePercentage $values.B.Value }} of the network's "
        "{{ humanize $values.G.Value }} GPUs have been free.",
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
                'GROUP BY "vantage"',
                ROUNDS,
            ),
            "B": Last("A"),
            "C": Math(f"$B > {int(DIRECTORY.total_seconds())}"),
        },
        hold=timedelta(0),
        what="The list of nodes at vantage {{ $labels.vantage }} was last confirmed "
        "{{ humanizeDuration $values.B.Value }} ago. Nodes that joined or left since are not "
        "seen.",
        todo="See the collector's log for the API hosts that it asked and what they answered. "
        "Nodes on the old list are still looked at, so this is not urgent.",
        link=COLLECTOR_LINK,
    ),
    Rule(
        uid="crn-spool",
        title="Spool growing or dropping",
        severity="warning",
        parts={
            "A": Ask(
                'SELECT last("backlog_seconds") FROM "collector_store" WHERE $timeFilter '
                'GROUP BY "vantage", "store"',
                timedelta(minutes=15),
            ),
            "D": Ask(
                'SELECT sum("points_dropped") + sum("points_rejected") FROM "collector_store" '
                'WHERE $timeFilter GROUP BY "vantage", "store"',
                timedelta(minutes=30),
            ),
            "B": Last("A"),
            "G": Last("D"),
            "C": Math(f"$B > {int(BACKLOG.total_seconds())} || $G > 0"),
        },
        hold=timedelta(minutes=5),
        what="Store {{ $labels.store }} at vantage {{ $labels.vantage }}: the oldest round has "
        "waited for {{ humanizeDuration $values.B.Value }}, and {{ humanize $values.G.Value }} "
        "points were refused or dropped within the last 30 minutes.",
        todo="crn-collector spool ls shows what waits, crn-collector spool rejected what the "
        "database refused and why. Waiting rounds are delivered by themselves when the database "
        "is back; dropped ones are lost there but still in the embedded store.",
        link=COLLECTOR_LINK,
    ),
    Rule(
        uid="crn-dead-man",
        title="Dead man",
        severity="critical",
        parts={
            "A": Ask(
                'SELECT moving_average(count("nodes"), 5) FROM "network" WHERE $timeFilter '
                'GROUP BY time(1m), "vantage" fill(0)',
                timedelta(days=1),
            ),
            "B": Last("A"),
            "C": Math("$B < 0.1"),
        },
        hold=timedelta(minutes=3),
        what="No round has been written {{ if $labels.vantage }}by vantage "
        "{{ $labels.vantage }} {{ end }}for at least 5 minutes, or the database does not answer. "
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
                'SELECT mean("vantage_ok") FROM "network" WHERE $timeFilter GROUP BY "vantage"',
                ROUNDS,
            ),
            "B": Last("A"),
            "C": Math("$B < 0.5"),
        },
        hold=timedelta(minutes=3),
        what="Vantage {{ $labels.vantage }} has been blind in most rounds of the last 8 minutes: "
        "its controls do not answer either. Nodes keep the state that they had.",
        todo="The reason is on the Collector dashboard. Check the way out of the collector's "
        "machine: DNS, routes, firewall, file descriptors.",
        link=COLLECTOR_LINK,
    ),
)
