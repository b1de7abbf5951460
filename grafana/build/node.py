"""The Node dashboard: everything about one node."""

from __future__ import annotations

from grafana.build import reshape
from grafana.build.dashboard import (
    LOOKBACK,
    NODE,
    dashboard,
    datasource,
    events,
    vantage,
    variable,
)
from grafana.build.field import (
    FAILURE,
    KIND,
    REACHABLE,
    UP,
    WORKS,
    YES,
    colour,
    flag,
    graded,
    mapping,
    override,
    thresholds,
    word,
)
from grafana.build.grid import Row, row
from grafana.build.panel import lines, stat, states, table
from grafana.build.query import SEEN_FROM, THIS_NODE, Json, Query, each, newest, rows, trend
from grafana.build.words import BAD, CALM, FAINT_BAD, FAINT_CALM, FAINT_GOOD, GOOD, MUTED, WARN

PHASES = "How long an answer takes, by phase"
LOAD = "Load"
METHODS = mapping(
    {"status": ("/status/check/ipv6", CALM), "diagnostic_vm": ("Diagnostic VM", CALM)}
)


def build() -> Json:
    """The whole dashboard."""
    marked = (PHASES, LOAD)
    return dashboard(
        NODE,
        "CRN node",
        "One compute node: its state, its answers, its resources and what happened to it.",
        [_now(), _timeline(), _answers(), _resources(), _about(), _checks(), _gpus(), _events()],
        variables=[
            datasource(),
            vantage(),
            variable(
                "name",
                "Node",
                "The node by its name.",
                f'SHOW TAG VALUES FROM "crn_reachability" WITH KEY = "name" WHERE {LOOKBACK}',
            ),
            variable(
                "node",
                "Hash",
                "The node's hash. A choice only where several nodes have the same name.",
                'SHOW TAG VALUES FROM "crn_reachability" WITH KEY = "node" '
                f'WHERE "name" =~ /^${{name:regex}}$/ AND {LOOKBACK}',
            ),
        ],
        annotations=[
            events("Down", ("down",), FAINT_BAD, THIS_NODE, panels=marked),
            events("Up again", ("up",), FAINT_GOOD, THIS_NODE, panels=marked),
            events(
                "Changes",
                ("version_changed", "address_changed", "renamed", "gpu_added", "gpu_removed"),
                FAINT_CALM,
                THIS_NODE,
                panels=marked,
            ),
        ],
    )


def _over(fields: str, measurement: str = "crn_reachability", **options: str) -> Query:
    return trend(fields, measurement, THIS_NODE, SEEN_FROM, **options)


def _last(fields: str, measurement: str = "crn_reachability") -> Query:
    return newest(fields, measurement, THIS_NODE, SEEN_FROM)


def _now() -> Row:
    return row(
        4,
        (
            3,
            stat(
                "State",
                "Up or down, after hysteresis: one failed round does not make a node down.",
                _last('last("up") AS "State"'),
                mappings=UP,
                spark=False,
                text_size=34,
                since="15m",
            ),
        ),
        (
            3,
            stat(
                "Up for",
                "Share of the range in which the node was up.",
                _last('mean("up") AS "Up for"'),
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
                "Now",
                "What the newest round found. «We: …» is this collector's own fault.",
                _last('last("failure") AS "Last round"'),
                mappings=FAILURE,
                fields="/^Last round$/",
                spark=False,
                text_size=20,
                since="15m",
            ),
        ),
        (
            3,
            stat(
                "Version",
                "The release of aleph-vm that the node last stated.",
                _last('last("version") AS "Version"', "crn_version"),
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
                "Whether that version is older than the network's `last_crn_version`.",
                _last('last("outdated") AS "Outdated"', "crn_version"),
                mappings=flag("Yes", "No", good=WARN, bad=GOOD),
                spark=False,
                text_size=26,
            ),
        ),
        (
            3,
            stat(
                "IPv6",
                "Whether a VM on the node had IPv6 when it was last checked (every 6 hours).",
                _last('last("ok") AS "IPv6"', "crn_ipv6"),
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
                "What remains of the node's TLS certificate.",
                _last('last("cert_expiry_seconds") / 86400 AS "Certificate"'),
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
                _over('mean("score") AS "Score"'),
                unit="percentunit",
                decimals=0,
                levels=thresholds(BAD, (0.2, WARN), (0.8, GOOD)),
            ),
        ),
    )


def _timeline() -> Row:
    return row(
        7,
        (
            24,
            states(
                "What was seen when",
                "State: up or down, after hysteresis. Round: whether it was reachable in that "
                "very round. Cause: why not; «We: …» is this collector's own fault. A gap: no "
                "round was written.",
                _over('last("up") AS "State", last("reachable") AS "Round"'),
                _over('last("failure") AS "Cause"'),
                _over('last("version") AS "Version"', "crn_version", fill="previous"),
                overrides=[
                    override("State", mappings=UP),
                    override("Round", mappings=REACHABLE),
                    override("Cause", mappings=FAILURE),
                    override("Version", color=colour("#5794f2")),
                ],
                legend=False,
            ),
        ),
    )


def _answers() -> Row:
    phases = (
        'mean("dns_seconds") AS "Name", mean("tcp_seconds") AS "Connect", '
        'mean("tls_seconds") AS "TLS handshake", mean("ttfb_seconds") AS "First byte"'
    )
    return row(
        8,
        (
            12,
            lines(
                PHASES,
                "From resolving the name to the first byte of the first answer. Empty while "
                "nothing is answered.",
                _over(phases),
                unit="s",
                stack=True,
                low=0,
                legend="right",
                calcs=["mean", "max"],
                overrides=[
                    override("Name", color=colour("#f2cc0c")),
                    override("Connect", color=colour("#ff780a")),
                    override("TLS handshake", color=colour("#3274d9")),
                    override("First byte", color=colour("#73bf69")),
                ],
            ),
        ),
        (
            6,
            lines(
                "A whole look",
                "All checks of a round together. A look ends at 10 seconds by default.",
                _over('mean("duration_seconds") AS "Mean", max("duration_seconds") AS "Longest"'),
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
                "What remains of the certificate; it jumps up when it is renewed. Below a week, "
                "a renewal has failed.",
                _over('mean("cert_expiry_seconds") / 86400 AS "Remaining"'),
                unit="suffix: d",
                decimals=0,
                low=0,
                levels=thresholds("transparent", (7, BAD)),
                limits=True,
                overrides=[override("Remaining", color=colour(GOOD))],
            ),
        ),
    )


def _resources() -> Row:
    def used(title: str, about: str, total: str, free: str) -> tuple[int, Json]:
        return (
            8,
            lines(
                title,
                about,
                _over(
                    f'mean("{total}") AS "All", mean("{total}") - mean("{free}") AS "Used"',
                    "crn_usage",
                ),
                unit="decbytes",
                low=0,
                overrides=[
                    override("All", color=colour(MUTED), custom__fillOpacity=0),
                    override("Used", color=colour(CALM), custom__fillOpacity=25),
                ],
            ),
        )

    return row(
        7,
        (
            8,
            lines(
                LOAD,
                "Load averages against the number of logical CPUs: above it, work is waiting.",
                _over(
                    'mean("cpu_count") AS "CPUs", mean("load1") AS "1 min", '
                    'mean("load5") AS "5 min", mean("load15") AS "15 min"',
                    "crn_usage",
                ),
                low=0,
                overrides=[
                    override("CPUs", color=colour(MUTED), custom__fillOpacity=0),
                    override("1 min", color=colour("#8ab8ff"), custom__fillOpacity=0),
                    override("5 min", color=colour("#3274d9")),
                    override("15 min", color=colour("#1f60c4"), custom__fillOpacity=0),
                ],
            ),
        ),
        used("Memory", "Memory used, and all there is.", "mem_total_bytes", "mem_available_bytes"),
        used(
            "Disk",
            "Disk for volumes: used or reserved, and all there is.",
            "disk_total_bytes",
            "disk_available_bytes",
        ),
    )


def _gpus() -> Row:
    return row(
        5,
        (
            12,
            lines(
                "GPUs used, by model",
                "Cards taken by VMs. Empty for a node without GPUs.",
                trend(
                    'mean("used")',
                    "crn_gpu",
                    THIS_NODE,
                    SEEN_FROM,
                    by=["model"],
                    alias="$tag_model",
                ),
                stack=True,
                steps=True,
                low=0,
                decimals=0,
                empty="No GPUs on this node",
            ),
        ),
        (
            12,
            table(
                "GPUs",
                "The cards of this node, as it last reported them. Rentable: cards that the "
                "network rents out.",
                each(
                    'last("total") AS "total", last("used") AS "used", '
                    'last("available") AS "available", last("compatible") AS "compatible"',
                    "crn_gpu",
                    THIS_NODE,
                    SEEN_FROM,
                    by=["model", "device_id"],
                ),
                transformations=[
                    reshape.columns(
                        "model", "device_id", "total", "used", "available", "compatible"
                    )
                ],
                overrides=[
                    override("model", displayName="Model"),
                    override("device_id", displayName="Device"),
                    override("total", displayName="Cards"),
                    override("used", displayName="Used"),
                    override(
                        "available",
                        displayName="Free",
                        **graded(thresholds(MUTED, (1, GOOD))),
                    ),
                    override("compatible", displayName="Rentable"),
                ],
                empty="No GPUs on this node",
            ),
        ),
    )


def _checks() -> Row:
    return row(
        8,
        (
            12,
            table(
                "Checks",
                "Each endpoint as it was last recorded: when it failed, when it works again, "
                "and once an hour.",
                each(
                    'last("success") AS "success", last("failure") AS "failure", '
                    'last("status_code") AS "status_code", '
                    'last("duration_seconds") AS "duration_seconds", '
                    'last("response_bytes") AS "response_bytes"',
                    "crn_probe",
                    THIS_NODE,
                    SEEN_FROM,
                    by=["endpoint"],
                ),
                transformations=[
                    reshape.columns(
                        "endpoint",
                        "success",
                        "failure",
                        "status_code",
                        "duration_seconds",
                        "response_bytes",
                    )
                ],
                overrides=[
                    override("endpoint", displayName="Endpoint", custom__minWidth=170),
                    override(
                        "success",
                        displayName="Result",
                        **word(flag("Fine", "Failed")),
                        custom__width=80,
                    ),
                    override("failure", displayName="Why", **word(FAILURE)),
                    override("status_code", displayName="HTTP", unit="none", custom__width=70),
                    override("duration_seconds", displayName="Took", unit="s", custom__width=90),
                    override(
                        "response_bytes",
                        displayName="Size",
                        unit="decbytes",
                        custom__width=90,
                    ),
                ],
            ),
        ),
        (
            12,
            table(
                "IPv6 checks",
                "Host and VM: whether each has IPv6. Name: whether the node's name has an IPv6 "
                "address. Direct: whether it takes connections over IPv6 from this vantage.",
                rows(
                    '"ok", "host", "vm", "aaaa", "direct", "method"',
                    "crn_ipv6",
                    THIS_NODE,
                    SEEN_FROM,
                    limit=50,
                ),
                overrides=[
                    override("Time", displayName="When", custom__width=165),
                    override(
                        "ok",
                        displayName="IPv6",
                        **word(WORKS),
                    ),
                    override("host", displayName="Host", **word(YES)),
                    override("vm", displayName="VM", **word(YES)),
                    override("aaaa", displayName="Name", **word(YES)),
                    override("direct", displayName="Direct", **word(YES)),
                    override("method", displayName="How", mappings=METHODS, custom__minWidth=150),
                ],
            ),
        ),
    )


def _events() -> Row:
    return row(
        9,
        (
            24,
            table(
                "Events",
                "What happened to this node, the newest first.",
                rows('"kind", "text"', "network_event", THIS_NODE, SEEN_FROM, limit=200),
                transformations=[reshape.columns("Time", "kind", "text", drop=())],
                overrides=[
                    override("Time", displayName="When", custom__width=180),
                    override(
                        "kind",
                        displayName="Event",
                        **word(KIND),
                        custom__width=140,
                    ),
                    override("text", displayName="In words"),
                ],
                empty="Nothing happened to this node in this range",
            ),
        ),
    )


def _about() -> Row:
    yes = word(YES)
    return row(
        4,
        (
            24,
            table(
                "About this node",
                "How the directory lists it, and what the node last said that it can do.",
                each(
                    'last("address") AS "address", last("linked") AS "linked", '
                    'last("inactive") AS "inactive"',
                    "crn_reachability",
                    THIS_NODE,
                    SEEN_FROM,
                    by=["node"],
                ),
                each(
                    'last("architecture") AS "architecture", '
                    'last("cpu_vendor") AS "cpu_vendor", last("qemu") AS "qemu", '
                    'last("confidential") AS "confidential", last("gpu") AS "gpu", '
                    'last("terms") AS "terms", last("payment_receiver") AS "payment_receiver"',
                    "crn_capability",
                    THIS_NODE,
                    SEEN_FROM,
                    by=["node"],
                ),
                transformations=[
                    reshape.join("node"),
                    reshape.columns(drop=("Time", "Time 1", "Time 2", "node")),
                ],
                overrides=[
                    override("address", displayName="Address", custom__minWidth=260),
                    override("linked", displayName="Linked to a CCN", **yes),
                    override(
                        "inactive",
                        displayName="Called inactive",
                        **word(flag("Yes", "No", good=WARN, bad=MUTED)),
                    ),
                    override("architecture", displayName="Architecture"),
                    override("cpu_vendor", displayName="CPU"),
                    override("qemu", displayName="Instances", **yes),
                    override("confidential", displayName="Confidential", **yes),
                    override("gpu", displayName="GPU rental", **yes),
                    override("terms", displayName="Terms", **yes),
                    override("payment_receiver", displayName="Paid to", custom__minWidth=200),
                ],
            ),
        ),
    )
