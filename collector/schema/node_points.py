"""Points of one node in one round, a function for each measurement."""

from __future__ import annotations

from typing import Final

from collector.model.event import Event
from collector.model.failure import Failure, Fault
from collector.model.observation import Capability, Ipv6, Probe, Usage
from collector.model.status import GpuCount, NodeStatus
from collector.schema.keys import NodeKey
from collector.schema.measurements import (
    CrnCapability,
    CrnGpu,
    CrnIpv6,
    CrnProbe,
    CrnReachability,
    CrnUsage,
    CrnVersion,
    NetworkEvent,
)

FULL_WEIGHT: Final = 1.0
BLIND_WEIGHT: Final = 0.001
"""Weight of a vantage that is blind, or whose evidence is old: it does not vote while another
vantage sees, and it keeps the series alive while none does."""


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
        since=status.since,
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
    key: NodeKey, version: str, source: str | None, outdated: bool | None
) -> CrnVersion:
    """Return the version that a node states, and where it stated it."""
    return CrnVersion(
        time=key.time,
        vantage=key.vantage,
        node=key.node,
        name=key.name,
        version=version,
        source=source,
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
    """Return the resources of one node, without what its answer did not give."""
    gpus = usage.gpus
    return CrnUsage(
        time=key.time,
        vantage=key.vantage,
        node=key.node,
        name=key.name,
        cpu_count=usage.cpu_count,
        gpu_total=None if gpus is None else len(gpus),
        gpu_used=None if gpus is None else sum(not gpu.available for gpu in gpus),
        gpu_available=None if gpus is None else sum(gpu.available for gpu in gpus),
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
        unread=",".join(probe.unread) or None,
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
