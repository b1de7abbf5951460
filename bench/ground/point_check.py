"""Checks the points of live rounds against the script's truth, node by node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Final

from bench.ground.confusion_matrix import Cell, ConfusionMatrix
from bench.ground.expectation import (
    CUT_OFF,
    IPV6_DOWN,
    control_result,
    expectation,
    visit_failure,
)
from bench.ground.recorded import RecordedNode, RecordedRound
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.machine import COMPATIBLE_GPUS
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.script.trouble import Trouble
from crn_simulator.truth.node_truth import Ipv6Truth, NodeTruth, truth_at

CONFIRM_SECONDS: Final = 3600.0
"""A diagnostic VM keeps running for so long after a check; a negative result must be confirmed
within that time."""
_API_UNUSABLE: Final = frozenset(
    {
        *(Trouble.API_DOWN, Trouble.API_ERROR, Trouble.API_GARBAGE, Trouble.API_SILENT),
        *(Trouble.API_SHRUNKEN, Trouble.API_EMPTY),
    }
)
"""The list of the round before stays in use (a shrunken one is believed at the third fetch)."""
_PUBLISHED_MODELS: Final = {card.device_id: str(card.model) for card in reversed(COMPATIBLE_GPUS)}
"""Of two models with the same device, the first one listed counts."""


@dataclass(slots=True)
class _ExpectedNode:
    """What the collector must know about a node by now.

    host: the name that the directory lists. version: the last one that a response stated.
    recorded_version: the last one that was written. asked_at: when IPv6 was last checked.
    unconfirmed: the last check was negative and is not confirmed. vm_runs_until: of its
    diagnostic VM.
    """

    host: str = ""
    version: str | None = None
    recorded_version: str | None = None
    asked_at: int | None = None
    unconfirmed: bool = False
    vm_runs_until: float = 0.0


@dataclass(frozen=True, slots=True)
class _CheckedVisit:
    """What a round recorded of a node that it must have visited. truth: None if unreachable."""

    index: int
    time: int
    truth: NodeTruth | None
    recorded: RecordedNode


@dataclass(slots=True)
class PointCheck:
    """Checks rounds in their order. interval, ipv6_interval: in seconds."""

    script: NetworkScript
    interval: int
    ipv6_interval: int
    matrix: ConfusionMatrix = field(default_factory=ConfusionMatrix)
    _nodes: dict[str, _ExpectedNode] = field(default_factory=dict)
    _stood_still: bool = False
    _listed_at: float = 0.0
    """The time whose list of nodes the API last returned."""

    def check(self, time: int, recorded: RecordedRound) -> None:
        """Check one round."""
        troubles = self.script.troubles(time)
        self._update_list(time, troubles)
        self._stood_still = recorded.stood_still
        reason = recorded.expected_reason(control_result(troubles))
        self.matrix.check(Cell("vantage", "(none)", time, reason, recorded.reason))
        listed = set()
        for index in range(len(self.script)):
            entry = self.script.stage(index, self._listed_at)
            if not entry.listed:
                continue
            truth = truth_at(self.script, index, time)
            listed.add(truth.node)
            found = recorded.nodes.get(truth.node, RecordedNode())
            points = len(found.reachability)
            self.matrix.check(Cell("points", truth.node, time, 1, points))
            if points:
                failure = visit_failure(truth, troubles, entry.host != truth.host)
                failure = self._check_reachability(truth.node, time, failure, reason, found)
                answered = truth if failure == truth.failure else None
                self._check_facts(_CheckedVisit(index, time, answered, found), entry.host)
        for node in recorded.nodes.keys() - listed:
            points = len(recorded.nodes[node].reachability)
            self.matrix.check(Cell("points", node, time, 0, points))

    def _update_list(self, time: int, troubles: Set[Trouble]) -> None:
        if Trouble.API_STALE in troubles:
            self._listed_at = self.script.trouble_began(Trouble.API_STALE, time)
        elif not troubles & (_API_UNUSABLE | CUT_OFF):
            self._listed_at = time

    def _check_reachability(
        self, node: str, time: int, failure: str, reason: str, found: RecordedNode
    ) -> str:
        """Check the reachability point; return the failure that it must record."""
        point = found.reachability[0]
        is_starved = self._stood_still and point.failure == "starved"
        must = expectation(failure, reason != "none", is_starved)
        self.matrix.check(Cell("reachable", node, time, must.reachable, point.reachable))
        self.matrix.check(Cell("failure", node, time, must.failure, point.failure))
        self.matrix.check(Cell("fault", node, time, must.fault, point.fault))
        return must.failure

    def _check_facts(self, visit: _CheckedVisit, host: str) -> None:
        """Check version, GPUs, usage and IPv6. host: the name that the directory lists."""
        name, time, truth = self.script.profile(visit.index).hash, visit.time, visit.truth
        node = self._nodes.setdefault(name, _ExpectedNode())
        node.unconfirmed &= host == node.host  # a result for another address confirms nothing
        node.host = host

        node.version = truth.version if truth and truth.version else node.version
        node.recorded_version = visit.recorded.version or node.recorded_version
        row = "known" if node.version else "unknown"
        self.matrix.check(Cell("version", name, time, node.version, node.recorded_version), row)

        used = self._gpus_used(visit.index, truth) if truth else {}
        row = "cards" if used else "none"
        self.matrix.check(Cell("gpus used", name, time, used, visit.recorded.gpus_used), row)
        self._check_usage(name, visit)
        self._check_ipv6(name, node, visit)

    def _check_usage(self, name: str, visit: _CheckedVisit) -> None:
        """Check the totals of the usage, and that a response read in part is told."""
        true, point = visit.truth.usage if visit.truth else None, visit.recorded.usage
        expected: object = None
        if true:
            gpus = None if true.gpus is None else sum(gpu.total for gpu in true.gpus)
            expected = (true.cpu_count, true.mem_total_bytes, true.disk_total_bytes, gpus)
        found = point and (
            *(point.cpu_count, point.mem_total_bytes, point.disk_total_bytes, point.gpu_total),
        )
        in_part = bool(visit.truth and FAULT_EFFECTS[visit.truth.cause].unread)
        row = "none" if true is None else "in part" if in_part else "whole"
        self.matrix.check(Cell("usage", name, visit.time, expected, found), row)
        self.matrix.check(Cell("in part", name, visit.time, in_part, visit.recorded.in_part))

    def _check_ipv6(self, name: str, node: _ExpectedNode, visit: _CheckedVisit) -> None:
        time, recorded = visit.time, visit.recorded
        truth = visit.truth.ipv6 if visit.truth else None
        before = node.asked_at
        node.asked_at = time if before is None or recorded.asked_ipv6 else before
        expected: object = None
        row = "not due"
        if truth and before is not None and not recorded.asked_ipv6:
            again = node.unconfirmed and time - before < CONFIRM_SECONDS
            if again or time - before > self.ipv6_interval + self.interval:
                expected, row = "asked", "overdue"
        elif recorded.asked_ipv6:
            expected = self._expected_ipv6(node, truth, visit, before)
            row = "believed" if expected else "no answer" if truth is None else "unconfirmed"
        point = recorded.ipv6
        found = point and (
            *(point.method, point.ok, point.host, point.vm, point.aaaa, point.direct),
        )
        self.matrix.check(Cell("ipv6", name, time, expected, found), row)

    def _expected_ipv6(
        self, node: _ExpectedNode, truth: Ipv6Truth | None, visit: _CheckedVisit, before: int | None
    ) -> tuple[object, ...] | None:
        """Account for an IPv6 check; return the values that it must record, None for none."""
        time = visit.time
        vm_runs = not self.script.profile(visit.index).cold or time < node.vm_runs_until
        node.vm_runs_until = time + CONFIRM_SECONDS
        works = bool(truth and truth.vm and (vm_runs or truth.method != "status"))
        node.unconfirmed &= before is not None and time - before < CONFIRM_SECONDS
        if truth and truth.method != "status" and not visit.recorded.asked_vm:
            truth = None  # the node cannot say: its VM is asked in the next round
        is_believed = works or node.unconfirmed
        node.unconfirmed = truth is not None and not works and not node.unconfirmed
        if truth is None or not is_believed:
            return None
        host = truth.host if truth.method == "status" else None
        connects = truth.direct and not self.script.troubles(time) & IPV6_DOWN
        direct = connects if truth.aaaa else None
        return (truth.method, truth.ok, host, truth.vm, truth.aaaa, direct)

    def _gpus_used(self, index: int, truth: NodeTruth) -> dict[tuple[str, str], int]:
        """Return the GPUs in use by published model, or by the card's own name, and device."""
        names = {c.device_id: c.device_name for c in self.script.profile(index).machine.gpus}
        used: Counter[tuple[str, str]] = Counter()
        for gpu in (truth.usage.gpus if truth.usage else None) or ():
            model = _PUBLISHED_MODELS.get(gpu.device_id) or gpu.model or names[gpu.device_id]
            used[model, gpu.device_id] += gpu.used
        return dict(used)
