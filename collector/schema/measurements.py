"""The schema: every measurement, tag and field that is written, with its type and meaning.

Only declarations, and only here: the schema is a public API, to which names are added, and of which
none is renamed or retyped. `docs/schema.md` is generated from this module, and
`collector.schema.build` makes the points.
"""

from __future__ import annotations

from typing import ClassVar, Final

from collector.schema.column import Point, integer, measurement, ratio, real, seconds, string, tag


@measurement
class _VantagePoint(Point):
    vantage: str = tag("The place that this collector looks from.")


@measurement
class _ShardPoint(_VantagePoint):
    shard: str = tag("The part of the nodes that this collector crawls.", before="0")


@measurement
class _NodePoint(_VantagePoint):
    node: str = tag("Hash of the node, 64 hex digits.")
    name: str = tag("Display name of the node; the first 8 digits of the hash if it has none.")


@measurement
class CrnReachability(_NodePoint):
    """One point per listed node and round, whatever happened."""

    MEASUREMENT: ClassVar[str] = "crn_reachability"
    reachable: bool | None = integer(
        "1 if it was reachable in this round; absent if it was not visited."
    )
    up: bool | None = integer("1 if it is up, after hysteresis; absent for refused addresses.")
    since: int | None = integer("First round of what `up` says, epoch seconds; absent with it.")
    lost: bool = integer("1 if it is down now and was up within the last 7 days.")
    probed: bool = integer("1 if it was visited in this round.")
    status_code: int | None = integer("HTTP status of the first probe that was answered.")
    linked: bool = integer("1 if it is linked to a core channel node.")
    inactive: bool = integer("1 if the network itself calls it inactive.")
    weight: float = real("1 if the vantage was not blind and its evidence is fresh, else 0.001.")
    evidence_age_seconds: float | None = seconds("Age of the last evidence about the node.")
    dns_seconds: float | None = seconds("DNS lookup of its name.")
    tcp_seconds: float | None = seconds("TCP connection.")
    tls_seconds: float | None = seconds("TLS handshake.")
    ttfb_seconds: float | None = seconds("From the first request to the first byte of its answer.")
    duration_seconds: float | None = seconds("The whole visit, with all its probes.")
    cert_expiry_seconds: float | None = seconds("Until its certificate expires.")
    score: float | None = ratio("The network's own score, 0 to 1.")
    failure: str = string("Why it was not reachable; `none` if it was.")
    fault: str = string("Whose fault that is: `none`, `policy`, `dns`, `node` or `vantage`.")
    address: str | None = string("Its address in the directory.")


@measurement
class CrnVersion(_NodePoint):
    """Version of a node; when it changes, and once an hour."""

    MEASUREMENT: ClassVar[str] = "crn_version"
    version: str = string("As the node states it; often not PEP 440.")
    source: str | None = string("`config` or `server_header`.")
    outdated: bool | None = integer("1 if it is below the network's `last_crn_version`.")


@measurement
class CrnIpv6(_NodePoint):
    """Result of an IPv6 check; every six hours."""

    MEASUREMENT: ClassVar[str] = "crn_ipv6"
    ok: bool = integer("1 if host and VM have IPv6, or if the diagnostic VM reports it.")
    host: bool | None = integer("1 if the host has IPv6; absent if the diagnostic VM was asked.")
    vm: bool = integer("1 if a VM on it has IPv6.")
    aaaa: bool | None = integer("1 if its name resolves to an IPv6 address.")
    direct: bool | None = integer(
        "1 if it accepts TCP over IPv6 from here; absent if the vantage has no IPv6."
    )
    method: str = string("`status` or `diagnostic_vm`.")


@measurement
class CrnGpu(_NodePoint):
    """GPUs of one kind on one node; every round."""

    MEASUREMENT: ClassVar[str] = "crn_gpu"
    model: str = tag(
        "Name published by the network; else that of one of at most 32 pairs, `other` or `unknown`."
    )
    device_id: str = tag(
        "PCI vendor and device; outside the published list of at most 32 pairs, else `other`."
    )
    total: int = integer("Cards.")
    used: int = integer("Cards in use by VMs.")
    available: int = integer("Cards free.")
    compatible: int | None = integer(
        "Cards that the network rents out; absent if the node does not report it of each."
    )


@measurement
class CrnUsage(_NodePoint):
    """Resources of a node; every round in which they were read. What was not read is absent."""

    MEASUREMENT: ClassVar[str] = "crn_usage"
    cpu_count: int | None = integer("Logical CPUs.")
    gpu_total: int | None = integer("GPUs; absent if the node does not report all of them.")
    gpu_used: int | None = integer("GPUs in use by VMs.")
    gpu_available: int | None = integer("GPUs free.")
    load1: float | None = ratio("Load average over 1 minute.")
    load5: float | None = ratio("Load average over 5 minutes.")
    load15: float | None = ratio("Load average over 15 minutes.")
    mem_total_bytes: float | None = real("Memory.")
    mem_available_bytes: float | None = real("Memory free.")
    disk_total_bytes: float | None = real("Disk for volumes.")
    disk_available_bytes: float | None = real("Disk free and not reserved.")


@measurement
class CrnCapability(_NodePoint):
    """Capabilities of a node; when they change, and once an hour."""

    MEASUREMENT: ClassVar[str] = "crn_capability"
    architecture: str | None = string("`x86_64`, `arm64`, …")
    cpu_vendor: str | None = string("`GenuineIntel`, `AuthenticAMD`, …")
    payment_receiver: str | None = string("Address that receives payments.")
    qemu: bool | None = integer("1 if it runs QEMU instances.")
    confidential: bool | None = integer("1 if it runs confidential VMs.")
    gpu: bool | None = integer("1 if GPUs may be rented.")
    terms: bool | None = integer("1 if it has terms and conditions.")


@measurement
class CrnProbe(_NodePoint):
    """One probe of one endpoint; when it fails, when it works again, and once an hour."""

    MEASUREMENT: ClassVar[str] = "crn_probe"
    endpoint: str = tag("Path of the endpoint.")
    success: bool = integer("1 if the answer had the expected shape, all of it.")
    status_code: int | None = integer("HTTP status; absent if there was no answer.")
    response_bytes: int | None = integer("Body after decompression; absent if it was not complete.")
    duration_seconds: float = seconds("From the request to the last byte of the answer.")
    failure: str = string("Failure of this probe; `none` if it succeeded.")
    unread: str | None = string(
        "Keys of the answer that were left out as `wrong_shape`, by comma; the rest was read."
    )


@measurement
class Network(_ShardPoint):
    """All nodes of the shard in one round. A blind vantage writes no sums of capacity."""

    MEASUREMENT: ClassVar[str] = "network"
    nodes: int = integer("Nodes listed.")
    nodes_linked: int = integer("Nodes linked to a core channel node.")
    nodes_measured: int = integer("Nodes whose usage was read in this round.")
    nodes_reachable: int = integer("Nodes reachable in this round.")
    nodes_up: int = integer("Nodes that are up, after hysteresis.")
    nodes_lost: int = integer("Nodes that are down and were up within the last 7 days.")
    nodes_unfinished: int = integer("Nodes that the round did not finish before its deadline.")
    nodes_outdated: int = integer("Nodes with a version below the network's `last_crn_version`.")
    nodes_ipv6_measured: int = integer("Nodes whose IPv6 was checked within two check intervals.")
    nodes_ipv6_ok: int = integer("Those of them whose IPv6 works.")
    cpu_total: int | None = integer("Logical CPUs of the measured nodes.")
    gpu_total: int | None = integer("GPUs of the measured nodes.")
    gpu_used: int | None = integer("GPUs in use.")
    gpu_available: int | None = integer("GPUs free.")
    vantage_ok: bool = integer("1 if this vantage was not blind.")
    vantage_ipv6: bool = integer("1 if this vantage has IPv6.")
    mem_total_bytes: float | None = real("Memory of the measured nodes.")
    mem_available_bytes: float | None = real("Memory free.")
    disk_total_bytes: float | None = real("Disk of the measured nodes.")
    disk_available_bytes: float | None = real("Disk free.")
    directory_age_seconds: float = seconds("Age of the directory: since it was last confirmed.")
    vantage_reason: str = string(
        "Why this vantage was blind: `none`, `controls`, `dns`, `network`, `descriptors`, "
        "`deadline`, `starved`, `slow_dns` or `slow_network`."
    )


@measurement
class NetworkGpu(_ShardPoint):
    """GPUs of one model on the measured nodes; not written by a blind vantage."""

    MEASUREMENT: ClassVar[str] = "network_gpu"
    model: str = tag("As in `crn_gpu`.")
    total: int = integer("Cards.")
    used: int = integer("Cards in use.")
    available: int = integer("Cards free.")
    nodes: int = integer("Nodes that have at least one.")


@measurement
class NetworkVersion(_ShardPoint):
    """Nodes by the release that they last reported."""

    MEASUREMENT: ClassVar[str] = "network_version"
    version: str = tag(
        "Release part of the version: the published one, one of at most 32, or `other`."
    )
    nodes: int = integer("Nodes that run it.")
    reachable: int = integer("Those of them that were reachable in this round.")


@measurement
class NetworkFailure(_ShardPoint):
    """Nodes by failure; every failure in every round, with 0 where there are none."""

    MEASUREMENT: ClassVar[str] = "network_failure"
    failure: str = tag("As in `crn_reachability`.")
    fault: str = tag("Whose fault that is.")
    nodes: int = integer("Nodes with this failure.")


@measurement
class NetworkEvent(_NodePoint):
    """Something that happened to a node: one point per node, kind and round."""

    MEASUREMENT: ClassVar[str] = "network_event"
    kind: str = tag(
        "`down`, `up`, `joined`, `left`, `address_changed`, `renamed`, `version_changed`, "
        "`gpu_added`, `gpu_removed`, `duplicate_hash` or `duplicate_address`."
    )
    text: str = string("The event in words.")
    failure: str | None = string("`down` only: the failure.")
    old: str | None = string("Value before, where something changed.")
    new: str | None = string("Value now, where something changed.")
    since: int | None = integer("Epoch seconds: first round of the outage, or of the recovery.")
    lasted_seconds: float | None = seconds("`up` only: how long the node was down.")


@measurement
class Collector(_ShardPoint):
    """The collector itself in one round."""

    MEASUREMENT: ClassVar[str] = "collector"
    round_seconds: float = seconds("From the start of the round until it is judged.")
    loop_lag_seconds: float = seconds("Longest time that the event loop was blocked.")
    loop_late_seconds: float = seconds(
        "How late the event loop was in sum, in the worst 5 seconds of the visits."
    )
    probes: int = integer("Probes of endpoints.")
    points: int = integer("Points of this round, this one included.")
    rounds_skipped: int = integer(
        "Rounds since the last point that did not run: the one before still ran."
    )
    rounds_missed: int = integer(
        "Rounds since the last point that did not run: the collector was late."
    )
    overran: bool = integer("1 if the round was ended by its deadline.")
    rss_bytes: int | None = integer("Resident memory; absent where it cannot be read.")
    open_fds: int | None = integer("Open file descriptors; absent where they cannot be counted.")
    instance: str | None = string(
        "Random name of the process that wrote the round: two that take turns are two collectors "
        "with one vantage and shard."
    )


@measurement
class CollectorStore(_ShardPoint):
    """One store, since its previous point."""

    MEASUREMENT: ClassVar[str] = "collector_store"
    store: str = tag("`embedded`, or the kind of database.")
    connected: bool = integer("1 if its last write succeeded.")
    points_delivered: int = integer("Points accepted.")
    points_rejected: int = integer("Points rejected for good.")
    points_dropped: int = integer(
        "Points dropped: too many, too old, or older than the database keeps."
    )
    backlog_bytes: int = integer("Bytes that wait to be written.")
    backlog_points: int = integer("Points that wait to be written.")
    backlog_seconds: float = seconds("Age of the oldest round that waits; 0 if none does.")
    write_seconds: float = seconds("Duration of the last write.")
    conflict: bool | None = integer(
        "1 if another collector writes points of the same vantage and shard into it; absent where "
        "that is not known."
    )


MEASUREMENTS: Final[tuple[type[Point], ...]] = (
    CrnReachability,
    CrnVersion,
    CrnIpv6,
    CrnGpu,
    CrnUsage,
    CrnCapability,
    CrnProbe,
    Network,
    NetworkGpu,
    NetworkVersion,
    NetworkFailure,
    NetworkEvent,
    Collector,
    CollectorStore,
)
