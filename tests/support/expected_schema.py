"""The schema column by column, as it must be, and what its tests have in common."""

from __future__ import annotations

from typing import Final

from collector.schema.column import ColumnKind, Point
from tests.support.rounds import (
    Rounds,
    node,
)

NODE_TAGS: Final = "name node vantage"
SCHEMA: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "crn_reachability": (
        NODE_TAGS,
        {
            "integer": "reachable up since lost probed status_code linked inactive",
            "float": "weight evidence_age_seconds dns_seconds tcp_seconds tls_seconds "
            "ttfb_seconds duration_seconds cert_expiry_seconds score",
            "text": "failure fault address",
        },
    ),
    "crn_version": (NODE_TAGS, {"text": "version source", "integer": "outdated"}),
    "crn_ipv6": (NODE_TAGS, {"integer": "ok host vm aaaa direct", "text": "method"}),
    "crn_gpu": (f"device_id model {NODE_TAGS}", {"integer": "total used available compatible"}),
    "crn_usage": (
        NODE_TAGS,
        {
            "integer": "cpu_count gpu_total gpu_used gpu_available",
            "float": "load1 load5 load15 mem_total_bytes mem_available_bytes disk_total_bytes "
            "disk_available_bytes",
        },
    ),
    "crn_capability": (
        NODE_TAGS,
        {
            "text": "architecture cpu_vendor payment_receiver",
            "integer": "qemu confidential gpu terms",
        },
    ),
    "crn_probe": (
        f"endpoint {NODE_TAGS}",
        {
            "integer": "success status_code response_bytes",
            "float": "duration_seconds",
            "text": "failure unread",
        },
    ),
    "network": (
        "shard vantage",
        {
            "integer": "nodes nodes_linked nodes_measured nodes_reachable nodes_up nodes_lost "
            "nodes_unfinished nodes_outdated nodes_ipv6_measured nodes_ipv6_ok cpu_total "
            "gpu_total gpu_used gpu_available vantage_ok vantage_ipv6",
            "float": "mem_total_bytes mem_available_bytes disk_total_bytes disk_available_bytes "
            "directory_age_seconds",
            "text": "vantage_reason",
        },
    ),
    "network_gpu": ("model shard vantage", {"integer": "total used available nodes"}),
    "network_version": ("shard vantage version", {"integer": "nodes reachable"}),
    "network_failure": ("failure fault shard vantage", {"integer": "nodes"}),
    "network_event": (
        f"kind {NODE_TAGS}",
        {"text": "text failure old new", "integer": "since", "float": "lasted_seconds"},
    ),
    "collector": (
        "shard vantage",
        {
            "float": "round_seconds loop_lag_seconds loop_late_seconds",
            "integer": "probes points rounds_skipped rounds_missed overran rss_bytes open_fds",
            "text": "instance",
        },
    ),
    "collector_store": (
        "shard store vantage",
        {
            "integer": "connected points_delivered points_rejected points_dropped backlog_bytes "
            "backlog_points conflict",
            "float": "backlog_seconds write_seconds",
        },
    ),
}
"""Every measurement: its tags, and its fields by type. Add to it; never rename or retype."""


def fields_of(kinds: dict[str, str]) -> dict[str, str]:
    """Return the type of each field, by name."""
    return {name: kind for kind, names in kinds.items() for name in names.split()}


def two_nodes() -> Rounds:
    """Return the rounds of a network of two nodes."""
    return Rounds(nodes=(node(1), node(2)))


def written(point: Point) -> dict[str, object]:
    """Return the fields that are written, by name, without the tags."""
    pairs = zip(point.columns(), point.row(), strict=True)
    return {
        c.name: value for c, value in pairs if c.kind is not ColumnKind.TAG and value is not None
    }
