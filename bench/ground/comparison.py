"""Holds the points of dialled rounds against the script's truth, node by node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Final

from bench.ground.conclusion import IPV6_CUT, WAY_CUT, Conclusion, concluded, control_result, met
from bench.ground.matrix import Matrix
from bench.ground.said import RoundSaid, Said
from crn_simulator.script.machine import COMPATIBLE_GPUS
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.script.trouble import Trouble
from crn_simulator.truth.node_truth import NodeTruth, truth_at

AWAKE_SECONDS: Final = 3600.0
"""A diagnostic VM that was asked stays awake for so long; a no must be confirmed within it."""
_API_AWAY: Final = frozenset(
    {
        *(Trouble.API_DOWN, Trouble.API_ERROR, Trouble.API_GARBAGE, Trouble.API_SILENT),
        *(Trouble.API_SHRUNKEN, Trouble.API_EMPTY),
    }
)
"""The list of the round before goes on (a shrunken one is believed when it is said three times)."""
_PUBLISHED: Final = {card.device_id: str(card.model) for card in reversed(COMPATIBLE_GPUS)}
"""Of two models under one device, the first one listed counts."""


@dataclass(slots=True)
class _Known:
    """What must be known of a node by now."""

    host: str = ""
    version: str | None = None
    said_version: str | None = None
    asked_at: int | None = None
    doubted: bool = False
    awake_until: float = 0.0


@dataclass(slots=True)
class Comparison:
    """Holds round after round, in their order."""

    script: NetworkScript
    interval: int
    ipv6_interval: int
    matrix: Matrix = field(default_factory=Matrix)
    _known: dict[str, _Known] = field(default_factory=dict)
    _published: float = 0.0
    """The time whose list of nodes the API last gave."""

    def hold(self, time: int, found: RoundSaid) -> None:
        """Hold one round."""
        troubles = self.script.troubles(time)
        self._publish(time, troubles)
        reason = found.expected_reason(control_result(troubles))
        self.matrix.hold("vantage", "(none)", time, reason, found.reason)
        listed = set()
        for index in range(len(self.script)):
            entry = self.script.stage(index, self._published)
            if not entry.listed:
                continue
            truth = truth_at(self.script, index, time)
            listed.add(truth.node)
            spoken = found.nodes.get(truth.node, Said())
            points = len(spoken.reachability)
            self.matrix.hold("points", truth.node, time, 1, points)
            if points:
                failure = met(truth, troubles, entry.host != truth.host)
                must = concluded(failure, reason == "none")
                self._hold(index, time, truth, must, spoken, entry.host)
        for node in found.nodes.keys() - listed:
            self.matrix.hold("points", node, time, 0, len(found.nodes[node].reachability))

    def _publish(self, time: int, troubles: Set[Trouble]) -> None:
        if Trouble.API_STALE in troubles:
            self._published = self.script.trouble_began(Trouble.API_STALE, time)
        elif not troubles & (_API_AWAY | WAY_CUT):
            self._published = time

    def _hold(
        self, index: int, time: int, truth: NodeTruth, must: Conclusion, spoken: Said, host: str
    ) -> None:
        point, node = spoken.reachability[0], truth.node
        answers = must.failure == truth.failure
        known = self._known.setdefault(node, _Known())
        known.doubted &= host == known.host  # a doubt about another address says nothing
        known.host = host
        self.matrix.hold("reachable", node, time, must.reachable, point.reachable)
        self.matrix.hold("failure", node, time, must.failure, point.failure)
        self.matrix.hold("fault", node, time, must.fault, point.fault)

        known.version = truth.version if answers and truth.version else known.version
        known.said_version = spoken.version or known.said_version
        kind = "known" if known.version else "unknown"
        self.matrix.hold("version", node, time, known.version, known.said_version, kind)

        used = self._used(index, truth) if answers else {}
        kind = "cards" if used else "none"
        self.matrix.hold("gpus used", node, time, used, spoken.used, kind)
        self._hold_ipv6(index, time, truth if answers else None, known, spoken)

    def _hold_ipv6(
        self,
        index: int,
        time: int,
        truth: NodeTruth | None,
        known: _Known,
        spoken: Said,
    ) -> None:
        node = self.script.profile(index).hash
        fact = truth.ipv6 if truth else None
        before = known.asked_at
        known.asked_at = time if before is None or spoken.asked_ipv6 else before
        expected: object = None
        kind = "not due"
        if fact and before is not None and not spoken.asked_ipv6:
            if time - before > self.ipv6_interval + self.interval or known.doubted:
                expected, kind = "asked", "overdue"
        elif spoken.asked_ipv6:
            awake = not self.script.profile(index).cold or time < known.awake_until
            known.awake_until = time + AWAKE_SECONDS
            works = bool(fact and fact.vm and (awake or fact.method != "status"))
            known.doubted &= before is not None and time - before < AWAKE_SECONDS
            if fact and (works or known.doubted):
                host = fact.host if fact.method == "status" else None
                direct = (
                    (fact.direct and not self.script.troubles(time) & IPV6_CUT)
                    if fact.aaaa
                    else None
                )
                expected = (fact.method, fact.ok, host, fact.vm, fact.aaaa, direct)
            known.doubted = not works and not known.doubted
            kind = "believed" if expected else "no answer" if fact is None else "doubted"
        said = spoken.ipv6
        found = said and (said.method, said.ok, said.host, said.vm, said.aaaa, said.direct)
        self.matrix.hold("ipv6", node, time, expected, found, kind)

    def _used(self, index: int, truth: NodeTruth) -> dict[tuple[str, str], int]:
        """Cards taken, by the model that the network publishes, else by the card's own name."""
        named = {c.device_id: c.device_name for c in self.script.profile(index).machine.gpus}
        used: Counter[tuple[str, str]] = Counter()
        for kind in (truth.usage.gpus if truth.usage else None) or ():
            model = _PUBLISHED.get(kind.device_id) or kind.model or named[kind.device_id]
            used[model, kind.device_id] += kind.used
        return dict(used)
