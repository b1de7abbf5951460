"""What the node reported: capabilities, probes, IPv6 checks and events."""

from __future__ import annotations

from grafana.build import transformations as transform
from grafana.build.field import FAILURE, KIND, WORKS, YES, flag, labelled, override
from grafana.build.grid import Row, row
from grafana.build.labels import MUTED, WARN
from grafana.build.node.queries import METHODS
from grafana.build.panel import table
from grafana.build.query import SELECTED_NODE, SELECTED_VANTAGES, each, rows


def checks_row() -> Row:
    """Each endpoint as it was last recorded, and the IPv6 checks."""
    narrow = labelled(YES, custom__width=65)
    return row(
        8,
        (
            12,
            table(
                "Probes",
                "The last recorded probe of each endpoint. Probes are recorded when they fail, "
                "when they recover, and once an hour.",
                each(
                    'last("success") AS "success", last("failure") AS "failure", '
                    'last("status_code") AS "status_code", '
                    'last("duration_seconds") AS "duration_seconds", '
                    'last("response_bytes") AS "response_bytes"',
                    "crn_probe",
                    SELECTED_NODE,
                    SELECTED_VANTAGES,
                    by=["endpoint"],
                ),
                transformations=[
                    transform.columns(
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
                        **labelled(flag("OK", "Failed")),
                        custom__width=80,
                    ),
                    override("failure", displayName="Failure", **labelled(FAILURE)),
                    override("status_code", displayName="HTTP", unit="none", custom__width=70),
                    override(
                        "duration_seconds", displayName="Duration", unit="s", custom__width=90
                    ),
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
                "Host and VM: whether each has IPv6. AAAA: whether the node's name has an AAAA "
                "record. Direct: whether it accepts connections over IPv6 from this vantage.",
                rows(
                    '"ok", "host", "vm", "aaaa", "direct", "method"',
                    "crn_ipv6",
                    SELECTED_NODE,
                    SELECTED_VANTAGES,
                    limit=50,
                ),
                overrides=[
                    override("Time", displayName="Time", custom__width=165),
                    override("ok", displayName="IPv6", **labelled(WORKS, custom__width=70)),
                    override("host", displayName="Host", **narrow),
                    override("vm", displayName="VM", **narrow),
                    override("aaaa", displayName="AAAA", **narrow),
                    override("direct", displayName="Direct", **narrow),
                    override(
                        "method", displayName="Method", mappings=METHODS, custom__minWidth=150
                    ),
                ],
            ),
        ),
    )


def about_row() -> Row:
    """How it is listed, and its reported capabilities."""
    yes = labelled(YES)
    narrow = {"custom__width": 78}
    return row(
        4,
        (
            24,
            table(
                "About this node",
                "How the directory lists it, and the capabilities that it last reported.",
                each(
                    'last("address") AS "address", last("linked") AS "linked", '
                    'last("inactive") AS "inactive"',
                    "crn_reachability",
                    SELECTED_NODE,
                    SELECTED_VANTAGES,
                    by=["node"],
                ),
                each(
                    'last("architecture") AS "architecture", '
                    'last("cpu_vendor") AS "cpu_vendor", last("qemu") AS "qemu", '
                    'last("confidential") AS "confidential", last("gpu") AS "gpu", '
                    'last("terms") AS "terms", last("payment_receiver") AS "payment_receiver"',
                    "crn_capability",
                    SELECTED_NODE,
                    SELECTED_VANTAGES,
                    by=["node"],
                ),
                transformations=[
                    transform.join("node"),
                    transform.columns(drop=("Time", "Time 1", "Time 2", "node")),
                ],
                overrides=[
                    override("address", displayName="Address"),
                    override("linked", displayName="Linked", **yes, **narrow),
                    override(
                        "inactive",
                        displayName="Inactive",
                        **labelled(flag("Yes", "No", good=WARN, bad=MUTED)),
                        **narrow,
                    ),
                    override("architecture", displayName="Architecture", custom__width=108),
                    override("cpu_vendor", displayName="CPU", custom__width=120),
                    override("qemu", displayName="Instances", **yes, custom__width=90),
                    override("confidential", displayName="Confidential", **yes, custom__width=108),
                    override("gpu", displayName="GPU rental", **yes, custom__width=100),
                    override("terms", displayName="Terms", **yes, **narrow),
                    override("payment_receiver", displayName="Payment receiver", custom__width=368),
                ],
            ),
        ),
    )


def events_row() -> Row:
    """Its events."""
    return row(
        9,
        (
            24,
            table(
                "Events",
                "Events of this node, the newest first.",
                rows(
                    '"kind", "text"', "network_event", SELECTED_NODE, SELECTED_VANTAGES, limit=200
                ),
                transformations=[transform.columns("Time", "kind", "text", drop=())],
                overrides=[
                    override("Time", displayName="Time", custom__width=180),
                    override(
                        "kind",
                        displayName="Event",
                        **labelled(KIND),
                        custom__width=140,
                    ),
                    override("text", displayName="Description"),
                ],
                empty="No events of this node in this range",
            ),
        ),
    )
