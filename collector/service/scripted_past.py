"""The past of a simulated network: what visits would have found, taken from its script.

Stands in for the directory, the prober and the controls, so that rounds of a time that is over are
crawled without dialling anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from collector.directory.entry import read_entries
from collector.model.failure import Failure
from collector.model.listing import Listing, NetworkSettings
from collector.model.node import Node
from collector.model.observation import (
    Config,
    Endpoint,
    Gpu,
    Ipv6,
    Ipv6Method,
    Observation,
    Phases,
    Probe,
    Usage,
)
from collector.model.vantage import ControlResult
from collector.times import DAY
from crn_simulator.script.directory_entry import directory_entry
from crn_simulator.script.latency import quantile
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.truth.node_truth import NodeTruth, UsageTruth, truth_at


@dataclass(frozen=True, slots=True)
class _ScriptedVisit:
    """A visit whose observation is known beforehand."""

    known: Observation

    async def run(self) -> None:
        """Dial nothing."""

    def observation(self, is_unfinished: bool = False) -> Observation:
        """Return what is true."""
        return self.known


@dataclass(slots=True)
class ScriptedPast:
    """Directory, prober and controls at a `time` that is set before each round."""

    ports: Sequence[int]
    """Of the nodes, in the order of the script."""
    script: NetworkScript
    settings: NetworkSettings = field(default_factory=NetworkSettings)
    time: int = 0
    """Epoch seconds."""
    _nodes: dict[str, int] = field(default_factory=dict)

    async def listing(self) -> Listing:
        """Return the list of nodes as it was."""
        self._nodes = {self.script.profile(i).hash: i for i in range(len(self.script))}
        listed = (
            directory_entry(self.script.profile(i), stage, self.ports[i])
            for i in range(len(self.script))
            if (stage := self.script.stage(i, self.time)).listed
        )
        return Listing(read_entries(listed).nodes, self.settings, age_seconds=0.0)

    def refusal(self, node: Node) -> Failure:
        """Return the failure of a node that the policy forbids to dial; `none` for others."""
        truth = truth_at(self.script, self._nodes[node.hash], self.time)
        return Failure(truth.failure) if truth.fault == "policy" else Failure.NONE

    def visit(self, node: Node, ipv6: Ipv6Method | None) -> _ScriptedVisit:
        """Return a visit that finds what was true."""
        index = self._nodes[node.hash]
        truth = truth_at(self.script, index, self.time)
        wave = 1 + 0.25 * math.sin(self.time / 4000 + index)
        latency = quantile(self.script.profile(index).latency_rank) * wave
        return _ScriptedVisit(scripted_observation(node, truth, latency, ipv6 is not None))

    def use_ipv6(self, available: bool) -> None:
        """Do nothing: nothing is dialled."""

    def has_ipv6(self) -> bool:
        """Return True: the simulated vantage has IPv6."""
        return True

    async def ask(self) -> ControlResult:
        """Return that this vantage could see."""
        return ControlResult(ipv6=True)

    async def ask_again(self, within_seconds: float) -> ControlResult:
        """Return the same."""
        return await self.ask()


def scripted_observation(
    node: Node, truth: NodeTruth, latency_seconds: float, ipv6: bool
) -> Observation:
    """Return the observation that a visit makes of what is true; `ipv6`: its IPv6 probe is due."""
    if not truth.reachable:
        probe = Probe(Endpoint.CONFIG, Failure(truth.failure), duration_seconds=latency_seconds)
        return Observation(node, probe.failure, (probe,), duration_seconds=latency_seconds)
    answer = truth.ipv6 if ipv6 else None
    return Observation(
        node=node,
        failure=Failure.NONE,
        probes=_probes(truth, latency_seconds, ipv6),
        phases=Phases(latency_seconds / 4, latency_seconds / 2, latency_seconds, latency_seconds),
        duration_seconds=4 * latency_seconds,
        cert_expiry_seconds=DAY * (5 + 80 * node.fraction("certificate")),
        version=truth.version,
        version_source=_version_source(truth),
        config=Config(truth.version, None, True, False, None, None) if truth.config else None,
        usage=_usage(truth.usage) if truth.usage else None,
        ipv6=Ipv6(Ipv6Method(answer.method), answer.vm, answer.host, answer.aaaa, answer.direct)
        if answer
        else None,
    )


def _probes(truth: NodeTruth, latency_seconds: float, ipv6: bool) -> tuple[Probe, ...]:
    """The probes of a visit to a reachable node."""
    asked = ((Endpoint.CONFIG, truth.config), (Endpoint.USAGE, truth.usage is not None))
    probes = tuple(
        Probe(
            endpoint,
            Failure.NONE if answered else Failure.CLIENT_ERROR,
            status_code=200 if answered else 404,
            response_bytes=1200,
            duration_seconds=latency_seconds,
        )
        for endpoint, answered in asked
    )
    if ipv6 and truth.ipv6:
        is_status = truth.ipv6.method == "status"
        endpoint = Endpoint.IPV6 if is_status else Endpoint.DIAGNOSTIC_VM
        probes += (Probe(endpoint, Failure.NONE, 200, 30, latency_seconds),)
    return probes


def _version_source(truth: NodeTruth) -> str | None:
    if truth.version is None:
        return None
    return "config" if truth.config else "server_header"


def _usage(truth: UsageTruth) -> Usage:
    gpus = (
        Gpu(kind.device_id, kind.model, kind.model or "", True, available=number >= kind.used)
        for kind in truth.gpus or ()
        for number in range(kind.total)
    )
    return Usage(
        cpu_count=truth.cpu_count,
        load1=truth.load1,
        load5=truth.load5,
        load15=truth.load15,
        mem_total_bytes=float(truth.mem_total_bytes),
        mem_available_bytes=float(truth.mem_available_bytes),
        disk_total_bytes=_bytes(truth.disk_total_bytes),
        disk_available_bytes=_bytes(truth.disk_available_bytes),
        architecture="x86_64",
        cpu_vendor=None,
        gpus=None if truth.gpus is None else tuple(gpus),
    )


def _bytes(amount: int | None) -> float | None:
    return None if amount is None else float(amount)
