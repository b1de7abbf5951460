"""Make the points of a round: which measurements are written, and from which values.

The measurements and their columns are declared in `collector.schema.measurements`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from collector.model.event import Event
from collector.model.failure import Failure, Fault
from collector.model.observation import Capability, Gpu, Ipv6, Observation, Probe, Usage
from collector.model.status import GpuCount, JudgedRound, NodeStatus
from collector.model.store_report import StoreReport
from collector.schema.column import Point
from collector.schema.measurements import (
    Collector,
    CollectorStore,
    CrnCapability,
    CrnGpu,
    CrnIpv6,
    CrnProbe,
    CrnReachability,
    CrnUsage,
    CrnVersion,
    Network,
    NetworkEvent,
    NetworkFailure,
    NetworkGpu,
    NetworkVersion,
)

FULL_WEIGHT: Final = 1.0
BLIND_WEIGHT: Final = 0.001
"""Weight of a vantage that is blind, or whose evidence is old: it does not vote while another
vantage sees, and it keeps the series alive while none does."""


@dataclass(frozen=True, slots=True)
class RoundKey:
    """What the points of one round and one collector share."""

    time: int
    """The round's scheduled time, in seconds since 1970."""
    vantage: str
    shard: str


@dataclass(frozen=True, slots=True)
class NodeKey:
    """What the points of one node in one round share."""

    time: int
    """The round's scheduled time, in seconds since 1970."""
    vantage: str
    node: str
    """Hash of the node."""
    name: str
    """Display name of the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorFigures:
    """What the collector measured of itself in one round."""

    round_seconds: float
    loop_lag_seconds: float
    probes: int
    points: int
    """Points of the round, the collector's own included."""
    rounds_skipped: int
    rounds_missed: int
    overran: bool
    rss_bytes: int | None
    """None where it cannot be read."""
    open_fds: int | None
    """None where they cannot be counted."""


def points_of(judged: JudgedRound, vantage: str, shard: str) -> list[Point]:
    """Return every point of a judged round except those of the collector itself."""
    key = RoundKey(judged.time, vantage, shard)
    points: list[Point] = []
    for status in judged.statuses:
        node = NodeKey(judged.time, vantage, status.node.hash, status.name)
        points.extend(_node_points(node, status))
    network = network_point(key, judged)
    points.append(network)
    if network.gpu_total is not None:
        points.extend(network_gpu_points(key, judged))
    points.extend(network_version_points(key, judged))
    points.extend(network_failure_points(key, judged))
    points.extend(event_point(judged.time, vantage, event) for event in judged.events)
    return points


def _node_points(key: NodeKey, status: NodeStatus) -> Iterator[Point]:
    """Yield the points of one node that are due in this round."""
    yield reachability_point(key, status)
    observation = status.observation
    if observation is None:
        return
    if status.due.version and observation.version:
        yield version_point(key, observation.version, observation, status.outdated)
    if status.ipv6:
        yield ipv6_point(key, status.ipv6)
    for (model, device_id), count in status.gpus.items():
        yield gpu_point(key, model, device_id, count)
    if observation.usage:
        yield usage_point(key, observation.usage)
    if status.due.capability:
        yield capability_point(key, observation.capability)
    for probe in status.due.probes:
        yield probe_point(key, probe)


def reachability_point(key: NodeKey, status: NodeStatus) -> CrnReachability:
    """Return the point that every listed node has in every round."""
    observation, node = status.observation, status.node
    failure, fault = status.failure, status.failure.fault
    probed = observation is not None and observation.tried and fault is not Fault.POLICY
    phases = observation.phases if observation else None
    return CrnReachability(
        time=key.time,
        vantage=key.vantage,
        node=key.node,
        name=key.name,
        reachable=observation.reachable if observation and probed else None,
        up=status.up,
        lost=status.lost,
        probed=probed,
        status_code=observation.status_code if observation else None,
        linked=node.linked,
        inactive=node.inactive,
        weight=FULL_WEIGHT if status.fresh else BLIND_WEIGHT,
        evidence_age_seconds=status.evidence_age_seconds,
        dns_seconds=phases.dns_seconds if phases else None,
        tcp_seconds=phases.tcp_seconds if phases else None,
        tls_seconds=phases.tls_seconds if phases else None,
        ttfb_seconds=phases.ttfb_seconds if phases else None,
        duration_seconds=observation.duration_seconds if observation and probed else None,
        cert_expiry_seconds=observation.cert_expiry_seconds if observation else None,
        score=node.score,
        failure=str(failure),
        fault=str(fault),
        address=node.address or None,
    )


def version_point(
    key: NodeKey, version: str, observation: Observation, outdated: bool | None
) -> CrnVersion:
    """Return the version that a node states, and where it stated it."""
    return CrnVersion(
        time=key.time,
        vantage=key.vantage,
        node=key.node,
        name=key.name,
        version=version,
        source=observation.version_source,
        outdated=outdated,
    )


def ipv6_point(key: NodeKey, ipv6: Ipv6) -> CrnIpv6:
    """Return the result of an IPv6 check."""
    return CrnIpv6(
        time=key.time,
        vantage=key.vantage,
        node=key.node,
        name=key.name,
        ok=ipv6.ok,
        host=ipv6.host,
        vm=ipv6.vm,
        aaaa=ipv6.aaaa,
        direct=ipv6.direct,
        method=str(ipv6.method),
    )


def gpu_point(key: NodeKey, model: str, device_id: str, count: GpuCount) -> CrnGpu:
    """Return the GPUs of one kind on one node."""
    return CrnGpu(
        time=key.time,
        vantage=key.vantage,
        node=key.node,
        name=key.name,
        model=model,
        device_id=device_id,
        total=count.total,
        used=count.total - count.available,
        available=count.available,
        compatible=count.compatible,
    )


def usage_point(key: NodeKey, usage: Usage) -> CrnUsage:
    """Return the resources of one node; no GPUs if its firmware does not report them."""
    gpus = None if usage.gpus is None else _GpuSum.of(usage.gpus)
    return CrnUsage(
        time=key.time,
        vantage=key.vantage,
        node=key.node,
        name=key.name,
        cpu_count=usage.cpu_count,
        gpu_total=gpus.total if gpus else None,
        gpu_used=gpus.used if gpus else None,
        gpu_available=gpus.available if gpus else None,
        load1=usage.load1,
        load5=usage.load5,
        load15=usage.load15,
        mem_total_bytes=usage.mem_total_bytes,
        mem_available_bytes=usage.mem_available_bytes,
        disk_total_bytes=usage.disk_total_bytes,
        disk_available_bytes=usage.disk_available_bytes,
    )


def capability_point(key: NodeKey, capability: Capability) -> CrnCapability:
    """Return what one node is able to do."""
    return CrnCapability(
        time=key.time,
        vantage=key.vantage,
        node=key.node,
        name=key.name,
        architecture=capability.architecture,
        cpu_vendor=capability.cpu_vendor,
        payment_receiver=capability.payment_receiver,
        qemu=capability.qemu,
        confidential=capability.confidential,
        gpu=capability.gpu,
        terms=capability.terms,
    )


def probe_point(key: NodeKey, probe: Probe) -> CrnProbe:
    """Return the result of one request to one endpoint."""
    return CrnProbe(
        time=key.time,
        vantage=key.vantage,
        node=key.node,
        name=key.name,
        endpoint=str(probe.endpoint),
        success=probe.failure is Failure.NONE,
        status_code=probe.status_code,
        response_bytes=probe.response_bytes,
        duration_seconds=probe.duration_seconds,
        failure=str(probe.failure),
    )


def network_point(key: RoundKey, judged: JudgedRound) -> Network:
    """Return the counts of nodes and, unless the vantage is blind, the sums of their resources."""
    statuses = judged.statuses
    usages = [s.observation.usage for s in statuses if s.observation and s.observation.usage]
    resources = _ResourceSum.of(usages) if judged.sees and usages else None
    reports_gpus = judged.sees and any(usage.gpus is not None for usage in usages)
    gpus = _GpuSum.of([g for u in usages for g in u.gpus or ()]) if reports_gpus else None
    return Network(
        time=key.time,
        vantage=key.vantage,
        shard=key.shard,
        nodes=len(statuses),
        nodes_linked=sum(s.node.linked for s in statuses),
        nodes_measured=len(usages),
        nodes_reachable=sum(_is_reachable(s) for s in statuses),
        nodes_up=sum(s.up is True for s in statuses),
        nodes_lost=sum(s.lost for s in statuses),
        nodes_unfinished=sum(s.failure is Failure.ROUND_DEADLINE for s in statuses),
        nodes_outdated=sum(s.outdated is True for s in statuses),
        nodes_ipv6_measured=sum(s.ipv6_ok is not None for s in statuses),
        nodes_ipv6_ok=sum(s.ipv6_ok is True for s in statuses),
        cpu_total=resources.cpus if resources else None,
        gpu_total=gpus.total if gpus else None,
        gpu_used=gpus.used if gpus else None,
        gpu_available=gpus.available if gpus else None,
        vantage_ok=judged.sees,
        vantage_ipv6=judged.ipv6,
        mem_total_bytes=resources.mem_total_bytes if resources else None,
        mem_available_bytes=resources.mem_available_bytes if resources else None,
        disk_total_bytes=resources.disk_total_bytes if resources else None,
        disk_available_bytes=resources.disk_available_bytes if resources else None,
        directory_age_seconds=judged.directory_age_seconds,
        vantage_reason=str(judged.reason),
    )


def network_gpu_points(key: RoundKey, judged: JudgedRound) -> Iterator[NetworkGpu]:
    """Yield the GPUs of each model, zero included for a model seen within a week."""
    total: Counter[str] = Counter()
    available: Counter[str] = Counter()
    owners: dict[str, set[str]] = {}
    for status in judged.statuses:
        for (model, _), count in status.gpus.items():
            total[model] += count.total
            available[model] += count.available
            owners.setdefault(model, set()).add(status.node.hash)
    for model in sorted({*judged.models, *total}):
        yield NetworkGpu(
            time=key.time,
            vantage=key.vantage,
            shard=key.shard,
            model=model,
            total=total[model],
            used=total[model] - available[model],
            available=available[model],
            nodes=len(owners.get(model, ())),
        )


def network_version_points(key: RoundKey, judged: JudgedRound) -> Iterator[NetworkVersion]:
    """Yield the nodes by release, zero included for a release seen within a week."""
    known = [(s.release, _is_reachable(s)) for s in judged.statuses if s.release]
    nodes = Counter(release for release, _ in known)
    reachable = Counter(release for release, is_reachable in known if is_reachable)
    for release in sorted({*judged.releases, *nodes}):
        yield NetworkVersion(
            time=key.time,
            vantage=key.vantage,
            shard=key.shard,
            version=release,
            nodes=nodes[release],
            reachable=reachable[release],
        )


def network_failure_points(key: RoundKey, judged: JudgedRound) -> Iterator[NetworkFailure]:
    """Yield the nodes by failure, zero included."""
    counts = Counter(status.failure for status in judged.statuses)
    for failure in Failure:
        yield NetworkFailure(
            time=key.time,
            vantage=key.vantage,
            shard=key.shard,
            failure=str(failure),
            fault=str(failure.fault),
            nodes=counts[failure],
        )


def event_point(time: int, vantage: str, event: Event) -> NetworkEvent:
    """Return the point of an event in the round of `time` (seconds since 1970)."""
    return NetworkEvent(
        time=time,
        vantage=vantage,
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


def collector_point(key: RoundKey, figures: CollectorFigures) -> Collector:
    """Return the point of the collector itself."""
    return Collector(
        time=key.time,
        vantage=key.vantage,
        shard=key.shard,
        round_seconds=figures.round_seconds,
        loop_lag_seconds=figures.loop_lag_seconds,
        probes=figures.probes,
        points=figures.points,
        rounds_skipped=figures.rounds_skipped,
        rounds_missed=figures.rounds_missed,
        overran=figures.overran,
        rss_bytes=figures.rss_bytes,
        open_fds=figures.open_fds,
    )


def store_point(key: RoundKey, report: StoreReport) -> CollectorStore:
    """Return the point of one store."""
    return CollectorStore(
        time=key.time,
        vantage=key.vantage,
        shard=key.shard,
        store=report.store,
        connected=report.connected,
        points_delivered=report.points_delivered,
        points_rejected=report.points_rejected,
        points_dropped=report.points_dropped,
        backlog_bytes=report.backlog_bytes,
        backlog_points=report.backlog_points,
        backlog_seconds=report.backlog_seconds,
        write_seconds=report.write_seconds,
    )


@dataclass(frozen=True, slots=True)
class _GpuSum:
    """GPUs of one node or of many."""

    total: int
    available: int

    @classmethod
    def of(cls, gpus: Iterable[Gpu]) -> _GpuSum:
        free = [gpu.available for gpu in gpus]
        return cls(len(free), sum(free))

    @property
    def used(self) -> int:
        return self.total - self.available


@dataclass(frozen=True, slots=True)
class _ResourceSum:
    """Resources of many nodes."""

    cpus: int
    mem_total_bytes: float
    mem_available_bytes: float
    disk_total_bytes: float
    disk_available_bytes: float

    @classmethod
    def of(cls, usages: list[Usage]) -> _ResourceSum:
        return cls(
            sum(usage.cpu_count for usage in usages),
            float(sum(usage.mem_total_bytes for usage in usages)),
            float(sum(usage.mem_available_bytes for usage in usages)),
            float(sum(usage.disk_total_bytes for usage in usages)),
            float(sum(usage.disk_available_bytes for usage in usages)),
        )


def _is_reachable(status: NodeStatus) -> bool:
    return status.observation is not None and status.observation.reachable
