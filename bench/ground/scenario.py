"""A scenario for up and down: which node fails when, and what goes wrong at the collector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bench.ground.expectation import DNS_DOWN, MASKED_WHEN_BLIND, control_result, visit_failure
from crn_simulator.script.fault import Fault, FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.incident import Incident
from crn_simulator.script.network_script import NetworkScript, every_fault
from crn_simulator.script.seeded_random import choose, fraction
from crn_simulator.script.trouble import Trouble, TroubleWindow
from crn_simulator.truth.node_truth import NodeTruth, truth_at

START: Final = 1_800_000_000
INTERVAL: Final = 60
SPEED: Final = 6.0
"""How much faster than the clock nodes join, leave, move and upgrade."""
_FAULTY_SHARE: Final = 0.1
_EPISODE_ROUNDS: Final = 7
"""One trouble begins in every so many rounds."""
_LEAD_SECONDS: Final = 5
"""Seconds before a round at which the script changes."""
_UNREACHABLE_FAULTS: Final = tuple(
    fault
    for fault, outcome in FAULT_EFFECTS.items()
    if not outcome.reachable and outcome.phase is not FaultPhase.ADDRESS
)
_GAPS: Final = ((0.3, 1500), (0.55, 7200), (0.8, 26 * 3600))
"""After this share of the rounds the collector was stopped for so many seconds."""
_OFFSETS: Final = (
    *((0.0, 0), (0.18, 1500), (0.25, 0), (0.4, -600), (0.48, 0)),
    *((0.62, 10800), (0.7, 0), (0.74, 90), (0.9, -120)),
)
"""From this share of the rounds on, the collector's clock is wrong by so many seconds."""


class CollectorTrouble(StrEnum):
    """What goes wrong inside the collector, which no network can play."""

    DESCRIPTORS = "descriptors"
    FEW_DESCRIPTORS = "few_descriptors"
    DEADLINE = "deadline"
    FEW_DEADLINE = "few_deadline"
    DNS_LOSS = "dns_loss"
    """Some DNS queries are lost, while those for the controls are answered."""


_SHARES: Final = {
    CollectorTrouble.DESCRIPTORS: (0.55, "no_descriptors"),
    CollectorTrouble.FEW_DESCRIPTORS: (0.06, "no_descriptors"),
    CollectorTrouble.DEADLINE: (0.55, "round_deadline"),
    CollectorTrouble.FEW_DEADLINE: (0.06, "round_deadline"),
    CollectorTrouble.DNS_LOSS: (0.08, "dns_failed"),
}
_TROUBLES: Final = (
    *(Trouble.EVERYTHING, Trouble.NAMES_SILENT, Trouble.CONNECTIONS_SILENT, Trouble.CONTROLS_DOWN),
    *(Trouble.NAMES_SERVFAIL, Trouble.CONNECTIONS_REFUSED, Trouble.IPV6),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One round. at: the true time. clock: the time by the collector's clock."""

    number: int
    at: int
    clock: int


@dataclass(frozen=True, slots=True)
class VisitOutcome:
    """What a visit meets. ipv6_only: the node has turned out to have IPv6 addresses only."""

    failure: str
    ipv6_only: bool = False

    @property
    def is_unfinished(self) -> bool:
        """The round ended before the visit."""
        return self.failure == "round_deadline"


class Scenario:
    """What happens in `rounds` rounds, determined by the seed.

    is_live: it is played by a real network: no nodes join or leave, and nothing happens that a
        network cannot play.
    """

    def __init__(self, nodes: int, rounds: int, seed: int, *, is_live: bool = False) -> None:
        self.seed = seed
        self.is_live = is_live
        self.steps = tuple(_steps(rounds))
        self._collector_troubles: dict[int, CollectorTrouble] = {}
        windows = tuple(self._episodes(rounds))
        self.script = NetworkScript(
            nodes,
            seed,
            start=START,
            speed=SPEED,
            calm=is_live,
            shares=None if is_live else every_fault(_FAULTY_SHARE),
            incidents={n: tuple(_incidents(seed, n, self.steps)) for n in range(nodes)},
            windows=windows,
        )

    def truth(self, index: int, step: Step) -> NodeTruth:
        """Return the truth about a node in a round."""
        return truth_at(self.script, index, step.at)

    def policy_failure(self, index: int, step: Step) -> str | None:
        """Return why the policy forbids to visit a node; None if it does not."""
        truth = self.truth(index, step)
        by_address = (
            truth.fault == "policy" and FAULT_EFFECTS[truth.cause].phase is FaultPhase.ADDRESS
        )
        return truth.failure if by_address else None

    def visit_outcome(self, index: int, step: Step) -> VisitOutcome:
        """Return what a visit to a node meets in a round, before its failure is masked."""
        truth, troubles = self.truth(index, step), self.script.troubles(step.at)
        if trouble := self._collector_troubles.get(step.number):
            share, failure = _SHARES[trouble]
            if fraction(self.seed, index, step.number, trouble) < share:
                return VisitOutcome(failure)
        ipv6_only = not self.is_live and fraction(self.seed, index, "ipv6 only") < 0.04
        failure = visit_failure(truth, troubles)
        if (
            ipv6_only
            and not troubles & DNS_DOWN
            and FAULT_EFFECTS[truth.cause].phase is not FaultPhase.NAME
        ):
            ipv6_down = Trouble.IPV6 in troubles
            return VisitOutcome("connect_timeout" if ipv6_down else failure, ipv6_only=True)
        return VisitOutcome(failure)

    def expected_failure(self, index: int, step: Step, is_blind: bool) -> str:
        """Return the failure that a round must record of a node that it visited."""
        outcome = self.visit_outcome(index, step)
        if is_blind and outcome.failure in MASKED_WHEN_BLIND:
            return "blind"
        if outcome.ipv6_only and not self.has_ipv6(step) and outcome.failure in MASKED_WHEN_BLIND:
            return "no_route"
        return outcome.failure

    def control_result(self, step: Step) -> str:
        """Return why the controls make a round blind; `none` if they are reachable."""
        return control_result(self.script.troubles(step.at))

    def blind_reason(self, step: Step) -> str:
        """Return why a round must be blind; `none` if it must not."""
        trouble = self._collector_troubles.get(step.number)
        if trouble in (CollectorTrouble.DESCRIPTORS, CollectorTrouble.DEADLINE):
            return str(trouble)
        return self.control_result(step)

    def has_ipv6(self, step: Step) -> bool:
        """Return whether a control can be reached over IPv6."""
        return Trouble.IPV6 not in self.script.troubles(step.at)

    def _episodes(self, rounds: int) -> Iterator[TroubleWindow]:
        """Yield one trouble after another from the sixth round on.

        Those of the collector itself are kept by round instead.
        """
        kinds: list[Trouble | CollectorTrouble] = (
            [*_TROUBLES] if self.is_live else [*_TROUBLES, *CollectorTrouble]
        )
        for number, first in enumerate(range(5, rounds, _EPISODE_ROUNDS)):
            kind = kinds[(self.seed + 5 * number) % len(kinds)]
            length = 1 + int(fraction(self.seed, number, "length") * (_EPISODE_ROUNDS - 2))
            span = self.steps[first : first + length]
            if isinstance(kind, CollectorTrouble):
                self._collector_troubles |= dict.fromkeys((step.number for step in span), kind)
            else:
                yield TroubleWindow(kind, span[0].at - _LEAD_SECONDS, span[-1].at + _LEAD_SECONDS)


def _steps(rounds: int) -> Iterator[Step]:
    at = START
    for number in range(rounds):
        at += sum(seconds for share, seconds in _GAPS if number == int(share * rounds))
        offset = [by for share, by in _OFFSETS if number >= int(share * rounds)][-1]
        yield Step(number, at, at + offset)
        at += INTERVAL


def _incidents(seed: int, node: int, steps: Sequence[Step]) -> Iterator[Incident]:
    """Yield the incidents of a node: none, short ones, flapping, long ones, or one that lasts."""
    key = (seed, node, "incident")
    kind = choose(("calm", "blips", "blips", "flaps", "outages", "outages", "dead", "gone"), *key)
    last = steps[-1].at + INTERVAL

    def at(part: float) -> int:
        return steps[min(int(part * len(steps)), len(steps) - 1)].at - _LEAD_SECONDS

    def fault(number: int = 0) -> Fault:
        return choose(_UNREACHABLE_FAULTS, *key, number, "fault")

    if kind == "blips":
        for number in range(6):
            since = at(fraction(*key, number))
            yield Incident(fault(number), since, since + choose((1, 1, 2), *key, number) * INTERVAL)
    elif kind == "flaps":
        period = choose((2, 4, 6, 8, 10), *key, "period") * INTERVAL
        yield Incident(fault(), at(0.1 * fraction(*key, "since")), last, float(period))
    elif kind == "outages":
        for number in range(3):
            since = at((number + fraction(*key, number)) / 3)
            rounds = choose((2, 3, 4, 5, 8, 20, 40), *key, number, "rounds")
            yield Incident(fault(number), since, since + rounds * INTERVAL)
    elif kind == "dead":
        yield Incident(fault(), START - 1, at(0.4 + fraction(*key, "until")))
    elif kind == "gone":
        yield Incident(fault(), at(0.05 + 0.5 * fraction(*key, "since")), last)
