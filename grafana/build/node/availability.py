"""Availability of the node, and its response times."""

from __future__ import annotations

from grafana.build.field import FAILURE, REACHABLE, UP, colour, override, thresholds
from grafana.build.grid import Row, row
from grafana.build.labels import BAD, CALM, GOOD, WARN
from grafana.build.node.queries import PHASES, over
from grafana.build.panel import lines, states


def timeline_row() -> Row:
    """State, reachability, failure and version as bars over time."""
    return row(
        7,
        (
            24,
            states(
                "Availability",
                "State: up or down, after hysteresis. Round: whether it was reachable in that "
                "round. Failure: why not; «Collector: …» is a fault of the collector itself. A "
                "gap: no round was written.",
                over('last("up") AS "State", last("reachable") AS "Round"'),
                over('last("failure") AS "Failure"'),
                over('last("version") AS "Version"', "crn_version", fill="previous"),
                overrides=[
                    override("State", mappings=UP),
                    override("Round", mappings=REACHABLE),
                    override("Failure", mappings=FAILURE),
                    override("Version", color=colour("#5794f2")),
                ],
                legend=False,
            ),
        ),
    )


def answers_row() -> Row:
    """Response times, visit duration and certificate."""
    phases = (
        'mean("dns_seconds") AS "DNS", mean("tcp_seconds") AS "TCP connect", '
        'mean("tls_seconds") AS "TLS handshake", mean("ttfb_seconds") AS "First byte"'
    )
    return row(
        8,
        (
            12,
            lines(
                PHASES,
                "From the DNS lookup to the first byte of the first response. Empty while the "
                "node does not respond.",
                over(phases),
                unit="s",
                stack=True,
                low=0,
                legend="right",
                calcs=["mean", "max"],
                overrides=[
                    override("DNS", color=colour("#f2cc0c")),
                    override("TCP connect", color=colour("#ff780a")),
                    override("TLS handshake", color=colour("#3274d9")),
                    override("First byte", color=colour("#73bf69")),
                ],
            ),
        ),
        (
            6,
            lines(
                "Visit duration",
                "All probes of a round together. A visit is stopped after 10 seconds by default.",
                over('mean("duration_seconds") AS "Mean", max("duration_seconds") AS "Longest"'),
                unit="s",
                low=0,
                overrides=[
                    override("Mean", color=colour(CALM)),
                    override("Longest", color=colour(WARN), custom__fillOpacity=0),
                ],
            ),
        ),
        (
            6,
            lines(
                "Certificate",
                "Time until the certificate expires; it jumps up when it is renewed. Below a week, "
                "a renewal has failed.",
                over('mean("cert_expiry_seconds") / 86400 AS "Remaining"'),
                unit="suffix: d",
                decimals=0,
                low=0,
                levels=thresholds("transparent", (7, BAD)),
                limits=True,
                overrides=[override("Remaining", color=colour(GOOD))],
            ),
        ),
    )
