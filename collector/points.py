"""The schema: every measurement, tag and field that is written, with its type and meaning.

This module is the only place that names them, and the schema is a public API: add, never rename or
retype. `docs/schema.md` is generated from it. Each class says, beside its columns, how it is made
of a judged round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from collector.failure import Failure, Fault
from collector.measurement import Point, integer, ratio, real, seconds, string, tag
from collector.observation import Observation, Usage
from collector.state.event import Event
from collector.state.verdict import Judgement, Verdict

SEEING: Final = 1.0
BLIND: Final = 0.001
"""Weight of a vantage that could not see: it does not vote, and keeps the series alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _VantagePoint(Point):
    vantage: str = tag("Where this collector looks from.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _NodePoint(_VantagePoint):
    node: str = tag("Hash of the node, 64 hex digits.")
    name: str = tag("Display name of the node; the first 8 digits of the hash if it has none.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reachability(_NodePoint):
    """One point per listed node and round, whatever happened."""

    MEASUREMENT: ClassVar[str] = "crn_reachability"
    reachable: bool | None = integer("1 if it was reachable in this round; absent if not tried.")
    up: bool | None = integer("1 if it is up, after hysteresis; absent for refused addresses.")
    since: int | None = integer("Epoch seconds: since when `up` is what it is; absent with it.")
    lost: bool = integer("1 if it is down now and was up within the last 7 days.")
    probed: bool = integer("1 if it was dialled in this round.")
    status_code: int | None = integer("HTTP status of the first check that was answered.")
    linked: bool = integer("1 if it is attached to a core channel node.")
    inactive: bool = integer("1 if the network itself calls it inactive.")
    weight: float = real("1 if this vantage could see and its evidence is fresh, else 0.001.")
    evidence_age_seconds: float | None = seconds("Since something was last learnt of the node.")
    dns_seconds: float | None = seconds("Resolving its name.")
    tcp_seconds: float | None = seconds("Connecting.")
    tls_seconds: float | None = seconds("The TLS handshake.")
    ttfb_seconds: float | None = seconds("From the request to the first byte of its answer.")
    duration_seconds: float | None = seconds("The whole look: all checks of the round.")
    cert_expiry_seconds: float | None = seconds("What remains of its certificate.")
    score: float | None = ratio("The network's own score, 0 to 1.")
    failure: str = string("Why it was not reachable; `none` if it was.")
    fault: str = string("Whose fault that is: `none`, `policy`, `dns`, `node` or `vantage`.")
    address: str | None = string("Its address in the directory.")

    @classmethod
    def of(cls, base: dict[str, Any], verdict: Verdict) -> Self:
        """The point of one node."""
        seen = verdict.observation
        tried = seen is not None and seen.tried and verdict.failure.fault is not Fault.POLICY
        phases = seen.phases if seen else None
        return cls(
            **base,
            reachable=seen.reachable if seen and tried else None,
            up=verdict.up,
            since=verdict.since,
            lost=verdict.lost,
            probed=tried,
            status_code=seen.status_code if seen else None,
            linked=verdict.node.linked,
            inactive=verdict.node.inactive,
            weight=SEEING if verdict.fresh else BLIND,
            evidence_age_seconds=verdict.evidence_age_seconds,
            dns_seconds=phases.dns_seconds if phases else None,
            tcp_seconds=phases.tcp_seconds if phases else None,
            tls_seconds=phases.tls_seconds if phases else None,
            ttfb_seconds=phases.ttfb_seconds if phases else None,
            duration_seconds=seen.duration_seconds if seen and tried else None,
            cert_expiry_seconds=seen.cert_expiry_seconds if seen else None,
            score=verdict.node.score,
            failure=str(verdict.failure),
            fault=str(verdict.failure.fault),
            address=verdict.node.address or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Version(_NodePoint):
    """What a node runs; on change and once an hour."""

    MEASUREMENT: ClassVar[str] = "crn_version"
    version: str = string("As the node states it; seldom PEP 440.")
    source: str | None = string("`config` or `server_header`.")
    outdated: bool | None = integer("1 if older than the network's `last_crn_version`.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv6(_NodePoint):
    """Whether IPv6 works; every six hours."""

    MEASUREMENT: ClassVar[str] = "crn_ipv6"
    ok: bool = integer("1 if host and VM have IPv6, or the diagnostic VM says so itself.")
    host: bool | None = integer("1 if the host has IPv6; absent by diagnostic VM.")
    vm: bool = integer("1 if a VM on it has IPv6.")
    aaaa: bool | None = integer("1 if its name has an IPv6 address.")
    direct: bool | None = integer(
        "1 if it takes TCP over IPv6 from here; absent where this vantage has none."
    )
    method: str = string("`status` or `diagnostic_vm`.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpus(_NodePoint):
    """GPUs of one kind on one node; every round."""

    MEASUREMENT: ClassVar[str] = "crn_gpu"
    model: str = tag("As the network publishes it; else a bounded name, `other` or `unknown`.")
    device_id: str = tag("PCI vendor and device; `other` or `unknown` outside the published list.")
    total: int = integer("Cards.")
    used: int = integer("Cards taken by VMs.")
    available: int = integer("Cards free.")
    compatible: int | None = integer("Cards that the network rents out; absent on old firmware.")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeUsage(_NodePoint):
    """Resources of a node; every round in which they were read."""

    MEASUREMENT: ClassVar[str] = "crn_usage"
    cpu_count: int = integer("Logical CPUs.")
    gpu_total: int | None = integer("GPUs; absent on firmware that does not report them.")
    gpu_used: int | None = integer("GPUs taken by VMs.")
    gpu_available: int | None = integer("GPUs free.")
    load1: float = ratio("Load average over 1 minute.")
    load5: float = ratio("Load average over 5 minutes.")
    load15: float = ratio("Load average over 15 minutes.")
    mem_total_bytes: float = real("Memory.")
    mem_available_bytes: float = real("Memory free.")
    disk_total_bytes: float = real("Disk for volumes.")
    disk_available_bytes: float = real("Disk free and not reserved.")

    @classmethod
    def of(cls, base: dict[str, Any], usage: Usage) -> Self:
        """The point of one node."""
        free = None if usage.gpus is None else sum(gpu.available for gpu in usage.gpus)
        total = None if usage.gpus is None else len(usage.gpus)
        return cls(
            **base,
            cpu_count=usage.cpu_count,
            gpu_total=total,
            gpu_used=None if total is None or free is None else total - free,
            gpu_available=free,
            load1=usage.load1,
            load5=usage.load5,
            load15=usage.load15,
            mem_total_bytes=usage.mem_total_bytes,
            mem_available_bytes=usage.mem_available_bytes,
            disk_total_bytes=usage.disk_total_bytes,
            disk_available_bytes=usage.disk_available_bytes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCapability(_NodePoint):
    """What a node is able to do; on change and once an hour."""

    MEASUREMENT: ClassVar[str] = "crn_capability"
    architecture: str | None = string("`x86_64`, `arm64`, …")
    cpu_vendor: str | None = string("`GenuineIntel`, `AuthenticAMD`, …")
    payment_receiver: str | None = string("Address that is paid.")
    qemu: bool | None = integer("1 if it runs QEMU instances.")
    confidential: bool | None = integer("1 if it runs confidential VMs.")
    gpu: bool | None = integer("1 if GPUs may be rented.")
    terms: bool | None = integer("1 if it has terms and conditions.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(_NodePoint):
    """One endpoint asked once; when it failed, when it works again, and once an hour."""

    MEASUREMENT: ClassVar[str] = "crn_probe"
    endpoint: str = tag("Path that was asked.")
    success: bool = integer("1 if the answer was within the contract.")
    status_code: int | None = integer("HTTP status; absent when no answer came.")
    response_bytes: int | None = integer("Body after decompression; absent if not complete.")
    duration_seconds: float = seconds("From asking to the last byte.")
    failure: str = string("What went wrong; `none` if nothing.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network(_VantagePoint):
    """The whole network in one round. Capacity is not summed by a blind vantage."""

    MEASUREMENT: ClassVar[str] = "network"
    nodes: int = integer("Nodes listed.")
    nodes_linked: int = integer("Nodes attached to a core channel node.")
    nodes_measured: int = integer("Nodes whose usage was read in this round.")
    nodes_reachable: int = integer("Nodes reachable in this round.")
    nodes_up: int = integer("Nodes that are up, after hysteresis.")
    nodes_lost: int = integer("Nodes down now that were up within the last 7 days.")
    nodes_unfinished: int = integer("Nodes for which the round had no time left.")
    nodes_outdated: int = integer("Nodes older than the network's `last_crn_version`.")
    nodes_ipv6_measured: int = integer("Nodes whose IPv6 was checked within two cadences.")
    nodes_ipv6_ok: int = integer("Those of them whose IPv6 works.")
    cpu_total: int | None = integer("Logical CPUs of the measured nodes.")
    gpu_total: int | None = integer("GPUs of the measured nodes.")
    gpu_used: int | None = integer("GPUs taken.")
    gpu_available: int | None = integer("GPUs free.")
    vantage_ok: bool = integer("1 if this vantage could see.")
    vantage_ipv6: bool = integer("1 if this vantage has IPv6.")
    mem_total_bytes: float | None = real("Memory of the measured nodes.")
    mem_available_bytes: float | None = real("Memory free.")
    disk_total_bytes: float | None = real("Disk of the measured nodes.")
    disk_available_bytes: float | None = real("Disk free.")
    directory_age_seconds: float = seconds("Since the list of nodes was last confirmed.")
    vantage_reason: str = string(
        "Why this vantage could not see: `none`, `controls`, `dns`, `network`, `descriptors`, "
        "`deadline` or `loop_lag`."
    )

    @classmethod
    def of(cls, base: dict[str, Any], judgement: Judgement) -> Self:
        """The point of the round."""
        verdicts = judgement.verdicts
        usages = [v.observation.usage for v in verdicts if v.observation and v.observation.usage]
        gpus = [gpu for usage in usages for gpu in usage.gpus or ()]
        free = sum(gpu.available for gpu in gpus)
        sees = judgement.sees and bool(usages)
        counted = judgement.sees and any(usage.gpus is not None for usage in usages)

        def total(of: Callable[[Usage], float]) -> float | None:
            return float(sum(of(usage) for usage in usages)) if sees else None

        return cls(
            **base,
            nodes=len(verdicts),
            nodes_linked=sum(v.node.linked for v in verdicts),
            nodes_measured=len(usages),
            nodes_reachable=sum(_reachable(v) for v in verdicts),
            nodes_up=sum(v.up is True for v in verdicts),
            nodes_lost=sum(v.lost for v in verdicts),
            nodes_unfinished=sum(v.failure is Failure.ROUND_DEADLINE for v in verdicts),
            nodes_outdated=sum(v.outdated is True for v in verdicts),
            nodes_ipv6_measured=sum(v.ipv6_ok is not None for v in verdicts),
            nodes_ipv6_ok=sum(v.ipv6_ok is True for v in verdicts),
            cpu_total=sum(u.cpu_count for u in usages) if sees else None,
            gpu_total=len(gpus) if counted else None,
            gpu_used=len(gpus) - free if counted else None,
            gpu_available=free if counted else None,
            vantage_ok=judgement.sees,
            vantage_ipv6=judgement.ipv6,
            mem_total_bytes=total(lambda usage: usage.mem_total_bytes),
            mem_available_bytes=total(lambda usage: usage.mem_available_bytes),
            disk_total_bytes=total(lambda usage: usage.disk_total_bytes),
            disk_available_bytes=total(lambda usage: usage.disk_available_bytes),
            directory_age_seconds=judgement.directory_age_seconds,
            vantage_reason=str(judgement.reason),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkGpu(_VantagePoint):
    """GPUs of one model over the measured nodes; not written by a blind vantage."""

    MEASUREMENT: ClassVar[str] = "network_gpu"
    model: str = tag("As in `crn_gpu`.")
    total: int = integer("Cards.")
    used: int = integer("Cards taken.")
    available: int = integer("Cards free.")
    nodes: int = integer("Nodes that have any.")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkVersion(_VantagePoint):
    """Nodes by the release that they last stated."""

    MEASUREMENT: ClassVar[str] = "network_version"
    version: str = tag("Release part of the version, bounded: else `other`.")
    nodes: int = integer("Nodes that run it.")
    reachable: int = integer("Those of them that were reachable in this round.")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFailure(_VantagePoint):
    """Nodes by failure; every failure in every round, zero included."""

    MEASUREMENT: ClassVar[str] = "network_failure"
    failure: str = tag("As in `crn_reachability`.")
    fault: str = tag("Whose fault that is.")
    nodes: int = integer("Nodes with this failure.")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkEvent(_NodePoint):
    """Something that happened to a node: one point per node, kind and round, announced once."""

    MEASUREMENT: ClassVar[str] = "network_event"
    kind: str = tag(
        "`down`, `up`, `joined`, `left`, `address_changed`, `renamed`, `version_changed`, "
        "`gpu_added`, `gpu_removed`, `duplicate_hash` or `duplicate_address`."
    )
    text: str = string("The event in words.")
    failure: str | None = string("`down`: why.")
    old: str | None = string("What it was.")
    new: str | None = string("What it is.")
    since: int | None = integer("Epoch seconds: first round of the outage, or of the recovery.")
    lasted_seconds: float | None = seconds("`up`: how long the node was down.")

    @classmethod
    def of(cls, base: dict[str, Any], event: Event) -> Self:
        """The point of one event."""
        return cls(
            **base,
            node=event.node,
            name=event.name,
            kind=str(event.kind),
            text=event.text,
            failure=event.failure,
            old=event.old or None,
            new=event.new or None,
            since=event.since,
            lasted_seconds=event.lasted_seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector(_VantagePoint):
    """The collector itself in one round."""

    MEASUREMENT: ClassVar[str] = "collector"
    round_seconds: float = seconds("From the start of the round to its judgement.")
    loop_lag_seconds: float = seconds("The longest that the event loop stood still.")
    probes: int = integer("Endpoints asked.")
    points: int = integer("Points of this round, this one included.")
    rounds_skipped: int = integer("Rounds since the last point that did not run: one was running.")
    rounds_missed: int = integer("Rounds since the last point that did not run: we were late.")
    overran: bool = integer("1 if the round was ended by its deadline.")
    rss_bytes: int | None = integer("Resident memory; absent where it cannot be read.")
    open_fds: int | None = integer("Open file descriptors; absent where they cannot be counted.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorStore(_VantagePoint):
    """One store since its previous point."""

    MEASUREMENT: ClassVar[str] = "collector_store"
    store: str = tag("`embedded`, or the name of a database.")
    connected: bool = integer("1 if it took what it was last given.")
    points_delivered: int = integer("Points that it took.")
    points_rejected: int = integer("Points that it refused for good.")
    points_dropped: int = integer("Points that were given up.")
    backlog_bytes: int = integer("What waits for it.")
    backlog_points: int = integer("Points that wait for it.")
    backlog_seconds: float = seconds("Age of the oldest round that waits.")
    write_seconds: float = seconds("The last write.")


MEASUREMENTS: Final[tuple[type[Point], ...]] = (
    Reachability,
    Version,
    Ipv6,
    Gpus,
    NodeUsage,
    NodeCapability,
    Probe,
    Network,
    NetworkGpu,
    NetworkVersion,
    NetworkFailure,
    NetworkEvent,
    Collector,
    CollectorStore,
)


def points_of(judgement: Judgement, vantage: str) -> Iterator[Point]:
    """Every point of a judged round but those of the collector itself."""
    base: dict[str, Any] = {"time": judgement.time, "vantage": vantage}
    for verdict in judgement.verdicts:
        yield from _node_points(base, verdict)
    network = Network.of(base, judgement)
    yield network
    if network.gpu_total is not None:
        yield from _gpu_sums(base, judgement)
    yield from _version_counts(base, judgement)
    counts = Counter(verdict.failure for verdict in judgement.verdicts)
    for failure in Failure:
        fault = str(failure.fault)
        yield NetworkFailure(**base, failure=str(failure), fault=fault, nodes=counts[failure])
    for event in judgement.events:
        yield NetworkEvent.of(base, event)


def _node_points(round_base: dict[str, Any], verdict: Verdict) -> Iterator[Point]:
    base = round_base | {"node": verdict.node.hash, "name": verdict.name}
    yield Reachability.of(base, verdict)
    seen = verdict.observation
    if seen is None:
        return
    if verdict.write_version and seen.version:
        yield Version(
            **base, version=seen.version, source=seen.version_source, outdated=verdict.outdated
        )
    if ipv6 := verdict.ipv6:
        yield Ipv6(
            **base,
            ok=ipv6.ok,
            host=ipv6.host,
            vm=ipv6.vm,
            aaaa=ipv6.aaaa,
            direct=ipv6.direct,
            method=str(ipv6.method),
        )
    for (model, device), count in verdict.gpus.items():
        yield Gpus(
            **base,
            model=model,
            device_id=device,
            total=count.total,
            used=count.total - count.available,
            available=count.available,
            compatible=count.compatible,
        )
    if seen.usage:
        yield NodeUsage.of(base, seen.usage)
    if verdict.write_capability:
        yield _capability(base, seen)
    yield from _probes(base, verdict)


def _capability(base: dict[str, Any], seen: Observation) -> NodeCapability:
    said = seen.capability
    return NodeCapability(
        **base,
        architecture=said.architecture,
        cpu_vendor=said.cpu_vendor,
        payment_receiver=said.payment_receiver,
        qemu=said.qemu,
        confidential=said.confidential,
        gpu=said.gpu,
        terms=said.terms,
    )


def _probes(base: dict[str, Any], verdict: Verdict) -> Iterator[Probe]:
    for attempt in verdict.attempts:
        yield Probe(
            **base,
            endpoint=str(attempt.endpoint),
            success=attempt.failure is Failure.NONE,
            status_code=attempt.status_code,
            response_bytes=attempt.response_bytes,
            duration_seconds=attempt.duration_seconds,
            failure=str(attempt.failure),
        )


def _gpu_sums(base: dict[str, Any], judgement: Judgement) -> Iterator[NetworkGpu]:
    total: Counter[str] = Counter()
    free: Counter[str] = Counter()
    owners: dict[str, set[str]] = {}
    for verdict in judgement.verdicts:
        for (model, _), count in verdict.gpus.items():
            total[model] += count.total
            free[model] += count.available
            owners.setdefault(model, set()).add(verdict.node.hash)
    for model in sorted({*judgement.models, *total}):
        yield NetworkGpu(
            **base,
            model=model,
            total=total[model],
            used=total[model] - free[model],
            available=free[model],
            nodes=len(owners.get(model, ())),
        )


def _version_counts(base: dict[str, Any], judgement: Judgement) -> Iterator[NetworkVersion]:
    known = [(v.release, _reachable(v)) for v in judgement.verdicts if v.release]
    nodes = Counter(release for release, _ in known)
    reachable = Counter(release for release, reached in known if reached)
    for release in sorted({*judgement.releases, *nodes}):
        yield NetworkVersion(
            **base, version=release, nodes=nodes[release], reachable=reachable[release]
        )


def _reachable(verdict: Verdict) -> bool:
    return verdict.observation is not None and verdict.observation.reachable
