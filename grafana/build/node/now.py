"""The figures on top."""

from __future__ import annotations

from grafana.build.field import FAILURE, UP, WORKS, flag, thresholds
from grafana.build.grid import Row, row
from grafana.build.labels import BAD, CALM, GOOD, WARN
from grafana.build.node.queries import newest_of, over
from grafana.build.panel import stat


def now_row() -> Row:
    """State, version, IPv6, certificate and score, as they were last known."""
    return row(
        4,
        (
            3,
            stat(
                "State",
                "Up or down, after hysteresis: one failed round does not make a node down.",
                newest_of('last("up") AS "State"'),
                mappings=UP,
                spark=False,
                text_size=34,
                since="15m",
            ),
        ),
        (
            3,
            stat(
                "Uptime",
                "Share of the range in which the node was up.",
                newest_of('mean("up") AS "Uptime"'),
                unit="percentunit",
                decimals=2,
                levels=thresholds(BAD, (0.9, WARN), (0.99, GOOD)),
                spark=False,
                text_size=30,
            ),
        ),
        (
            3,
            stat(
                "Visit",
                "Result of the newest round. «Collector: …» is a fault of the collector itself.",
                newest_of('last("failure") AS "Last visit"'),
                mappings=FAILURE,
                fields="/^Last visit$/",
                spark=False,
                text_size=20,
                since="15m",
            ),
        ),
        (
            3,
            stat(
                "Version",
                "The release of aleph-vm that the node last reported.",
                newest_of('last("version") AS "Version"', "crn_version"),
                fields="/^Version$/",
                empty="Unknown",
                unit="string",
                levels=thresholds(CALM),
                spark=False,
                text_size=26,
            ),
        ),
        (
            3,
            stat(
                "Outdated",
                "Whether that version is older than the network's `last_crn_version`. Unknown "
                "while one of the two is.",
                newest_of('last("outdated") AS "Outdated"', "crn_version"),
                mappings=flag("Yes", "No", good=WARN, bad=GOOD),
                empty="Unknown",
                spark=False,
                text_size=26,
            ),
        ),
        (
            3,
            stat(
                "IPv6",
                "Whether a VM on the node had IPv6 when it was last checked (every 6 hours).",
                newest_of('last("ok") AS "IPv6"', "crn_ipv6"),
                mappings=WORKS,
                spark=False,
                text_size=22,
                empty="Not checked",
            ),
        ),
        (
            3,
            stat(
                "TLS cert",
                "Time until the node's TLS certificate expires.",
                newest_of('last("cert_expiry_seconds") / 86400 AS "Certificate"'),
                unit="suffix: days",
                decimals=0,
                levels=thresholds(BAD, (7, WARN), (14, GOOD)),
                spark=False,
                text_size=26,
            ),
        ),
        (
            3,
            stat(
                "Score",
                "The score that the network itself gives the node, which decides its rewards.",
                over('mean("score") AS "Score"'),
                unit="percentunit",
                decimals=0,
                levels=thresholds(BAD, (0.2, WARN), (0.8, GOOD)),
            ),
        ),
    )
