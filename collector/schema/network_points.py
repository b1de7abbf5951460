"""Counts and sums over all nodes of a round, a function for each measurement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collector.model.failure import Failure
from collector.model.observation import Gpu, Usage
from collector.model.status import JudgedRound, NodeStatus
from collector.schema.keys import RoundKey
from collector.schema.measurements import Network, NetworkFailure, NetworkGpu, NetworkVersion


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


@dataclass(frozen=True, slots=True)
class _GpuSum:
    """GPUs of many nodes."""

    total: int
    available: int

    @classmethod
    def of(cls, gpus: list[Gpu]) -> _GpuSum:
        return cls(len(gpus), sum(gpu.available for gpu in gpus))

    @property
    def used(self) -> int:
        return self.total - self.available


@dataclass(frozen=True, slots=True)
class _ResourceSum:
    """Resources of many nodes, each of those that gave it; None if none did."""

    cpus: int | None
    mem_total_bytes: float | None
    mem_available_bytes: float | None
    disk_total_bytes: float | None
    disk_available_bytes: float | None

    @classmethod
    def of(cls, usages: list[Usage]) -> _ResourceSum:
        cpus = [u.cpu_count for u in usages if u.cpu_count is not None]
        return cls(
            sum(cpus) if cpus else None,
            _sum(u.mem_total_bytes for u in usages),
            _sum(u.mem_available_bytes for u in usages),
            _sum(u.disk_total_bytes for u in usages),
            _sum(u.disk_available_bytes for u in usages),
        )


def _sum(amounts: Iterable[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return float(sum(known)) if known else None


def _is_reachable(status: NodeStatus) -> bool:
    return status.observation is not None and status.observation.reachable
