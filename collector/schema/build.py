"""Which points are written of a round: of its nodes, of the network, and of the collector.

The measurements and their columns are declared in `collector.schema.measurements`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collector.model.status import JudgedRound, NodeStatus
from collector.model.store_report import StoreReport
from collector.schema.column import Point
from collector.schema.keys import NodeKey, RoundKey
from collector.schema.measurements import Collector, CollectorStore
from collector.schema.network_points import (
    network_failure_points,
    network_gpu_points,
    network_point,
    network_version_points,
)
from collector.schema.node_points import (
    capability_point,
    event_point,
    gpu_point,
    ipv6_point,
    probe_point,
    reachability_point,
    usage_point,
    version_point,
)

__all__ = ["CollectorFigures", "RoundKey", "collector_point", "points_of", "store_point"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorFigures:
    """What the collector measured of itself in one round."""

    round_seconds: float
    loop_lag_seconds: float
    loop_late_seconds: float
    probes: int
    rounds_skipped: int
    rounds_missed: int
    overran: bool
    rss_bytes: int | None
    """None where it cannot be read."""
    open_fds: int | None
    """None where they cannot be counted."""
    instance: str | None = None
    """Random name of this process; None writes none."""


def points_of(judged: JudgedRound, vantage: str, shard: str) -> Iterator[Point]:
    """Yield every point of a judged round except those of the collector itself."""
    key = RoundKey(judged.time, vantage, shard)
    for status in judged.statuses:
        node = NodeKey(judged.time, vantage, status.node.hash, status.name)
        yield from _node_points(node, status)
    network = network_point(key, judged)
    yield network
    if network.gpu_total is not None:
        yield from network_gpu_points(key, judged)
    yield from network_version_points(key, judged)
    yield from network_failure_points(key, judged)
    for event in judged.events:
        yield event_point(judged.time, vantage, event)


def _node_points(key: NodeKey, status: NodeStatus) -> Iterator[Point]:
    """Yield the points of one node that are due in this round."""
    yield reachability_point(key, status)
    observation = status.observation
    if observation is None:
        return
    if status.due.version and observation.version:
        yield version_point(key, observation.version, observation.version_source, status.outdated)
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


def collector_point(key: RoundKey, figures: CollectorFigures, points: int) -> Collector:
    """Return the point of the collector itself; the round has so many, its own included."""
    return Collector(
        time=key.time,
        vantage=key.vantage,
        shard=key.shard,
        round_seconds=figures.round_seconds,
        loop_lag_seconds=figures.loop_lag_seconds,
        loop_late_seconds=figures.loop_late_seconds,
        probes=figures.probes,
        points=points,
        rounds_skipped=figures.rounds_skipped,
        rounds_missed=figures.rounds_missed,
        overran=figures.overran,
        rss_bytes=figures.rss_bytes,
        open_fds=figures.open_fds,
        instance=figures.instance,
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
        conflict=report.conflict,
    )
