"""A story for up and down: who fails when, what befalls us, and what our clock says meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bench.ground.conclusion import EXCUSED, NAMES_CUT, control_result, met
from crn_simulator.script.fault import Fault, FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.incident import Incident
from crn_simulator.script.network_script import NetworkScript, every_fault
from crn_simulator.script.seeded_random import choose, fraction
from crn_simulator.script.trouble import Trouble, TroubleWindow
from crn_simulator.truth.node_truth import NodeTruth, truth_at

START: Final = 1_800_000_000
INTERVAL: Final = 60
TEMPO: Final = 6.0
"""Joining, leaving, moving, upgrading go so much faster than the clock."""
_FAULTY: Final = 0.1
_EPISODE_ROUNDS: Final = 7
"""Something befalls us in every stretch of so many rounds."""
_MOMENT: Final = 5
"""Seconds before a round at which the script changes."""
_BAD: Final = tuple(
    fault
    for fault, outcome in FAULT_EFFECTS.items()
    if not outcome.reachable and outcome.phase is not FaultPhase.ADDRESS
)
_GAPS: Final = ((0.3, 1500), (0.55, 7200), (0.8, 26 * 3600))
"""After this part of the rounds nobody crawled for so many seconds."""
_OFFSETS: Final = (
    *((0.0, 0), (0.18, 1500), (0.25, 0), (0.4, -600), (0.48, 0)),
    *((0.62, 10800), (0.7, 0), (0.74, 90), (0.9, -120)),
)
"""From this part of the rounds on, the clock is wrong by so many seconds."""


class Own(StrEnum):
    """What befalls us besides the troubles that a network can play."""

    DESCRIPTORS = "descriptors"
    FEW_DESCRIPTORS = "few_descriptors"
    DEADLINE = "deadline"
    FEW_DEADLINE = "few_deadline"
    DNS_LOSS = "dns_loss"
    """Some names go unanswered, while the controls' are answered."""


_SHARES: Final = {
    Own.DESCRIPTORS: (0.55, "no_descriptors"),
    Own.FEW_DESCRIPTORS: (0.06, "no_descriptors"),
    Own.DEADLINE: (0.55, "round_deadline"),
    Own.FEW_DEADLINE: (0.06, "round_deadline"),
    Own.DNS_LOSS: (0.08, "dns_failed"),
}
_TROUBLES: Final = (
    *(Trouble.EVERYTHING, Trouble.NAMES_SILENT, Trouble.CONNECTIONS_SILENT, Trouble.CONTROLS_DOWN),
    *(Trouble.NAMES_SERVFAIL, Trouble.CONNECTIONS_REFUSED, Trouble.IPV6),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One round. at: what the time really is. clock: what the collector takes it for."""

    number: int
    at: int
    clock: int


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a look meets. ipv6_only: it learnt that the node has IPv6 addresses only."""

    failure: str
    ipv6_only: bool = False

    @property
    def unfinished(self) -> bool:
        """The node did not have its turn."""
        return self.failure == "round_deadline"


class Storyline:
    """The whole story of `rounds` rounds, determined by the seed.

    dialled: it is played by a real network: a smaller cast that stays, and nothing that a network
    cannot play.
    """

    def __init__(self, nodes: int, rounds: int, seed: int, *, dialled: bool = False) -> None:
        self.seed = seed
        self.dialled = dialled
        self.steps = tuple(_steps(rounds))
        self._own: dict[int, Own] = {}
        windows = tuple(self._episodes(rounds))
        self.script = NetworkScript(
            nodes,
            seed,
            start=START,
            speed=TEMPO,
            calm=dialled,
            shares=None if dialled else every_fault(_FAULTY),
            incidents={n: tuple(_incidents(seed, n, self.steps)) for n in range(nodes)},
            windows=windows,
        )

    def truth(self, index: int, step: Step) -> NodeTruth:
        """What is true of a node in a round."""
        return truth_at(self.script, index, step.at)

    def refused(self, index: int, step: Step) -> str | None:
        """Why a node is not dialled at all; None if it is."""
        truth = self.truth(index, step)
        named = truth.fault == "policy" and FAULT_EFFECTS[truth.cause].phase is FaultPhase.ADDRESS
        return truth.failure if named else None

    def meets(self, index: int, step: Step) -> Meeting:
        """What a look at a node meets in a round, before anything is excused."""
        truth, troubles = self.truth(index, step), self.script.troubles(step.at)
        if own := self._own.get(step.number):
            share, failure = _SHARES[own]
            if fraction(self.seed, index, step.number, own) < share:
                return Meeting(failure)
        only = not self.dialled and fraction(self.seed, index, "ipv6 only") < 0.04
        failure = met(truth, troubles)
        if (
            only
            and not troubles & NAMES_CUT
            and FAULT_EFFECTS[truth.cause].phase is not FaultPhase.NAME
        ):
            cut = Trouble.IPV6 in troubles
            return Meeting("connect_timeout" if cut else failure, ipv6_only=True)
        return Meeting(failure)

    def concluded(self, index: int, step: Step, sees: bool) -> str:
        """What a round must conclude of a node that it looked at."""
        meeting = self.meets(index, step)
        if not sees and meeting.failure in EXCUSED:
            return "blind"
        if meeting.ipv6_only and not self.ipv6(step) and meeting.failure in EXCUSED:
            return "no_route"
        return meeting.failure

    def controls(self, step: Step) -> str:
        """What the controls say."""
        return control_result(self.script.troubles(step.at))

    def reason(self, step: Step) -> str:
        """Why we cannot see in a round; `none` if we can."""
        own = self._own.get(step.number)
        return own if own in (Own.DESCRIPTORS, Own.DEADLINE) else self.controls(step)

    def ipv6(self, step: Step) -> bool:
        """Whether a control with IPv6 can be reached over it."""
        return Trouble.IPV6 not in self.script.troubles(step.at)

    def _episodes(self, rounds: int) -> Iterator[TroubleWindow]:
        """Troubles of our own in turn, none beside another, from the sixth round on.

        Those that no network can play are kept apart, by their rounds.
        """
        kinds: list[Trouble | Own] = [*_TROUBLES] if self.dialled else [*_TROUBLES, *Own]
        for place, first in enumerate(range(5, rounds, _EPISODE_ROUNDS)):
            kind = kinds[(self.seed + 5 * place) % len(kinds)]
            length = 1 + int(fraction(self.seed, place, "length") * (_EPISODE_ROUNDS - 2))
            span = self.steps[first : first + length]
            if isinstance(kind, Own):
                self._own |= dict.fromkeys((step.number for step in span), kind)
            else:
                yield TroubleWindow(kind, span[0].at - _MOMENT, span[-1].at + _MOMENT)


def _steps(rounds: int) -> Iterator[Step]:
    at = START
    for number in range(rounds):
        at += sum(seconds for share, seconds in _GAPS if number == int(share * rounds))
        offset = [by for share, by in _OFFSETS if number >= int(share * rounds)][-1]
        yield Step(number, at, at + offset)
        at += INTERVAL


def _incidents(seed: int, node: int, steps: Sequence[Step]) -> Iterator[Incident]:
    """What befalls a node: nothing, blips, flapping, outages, or a death that lasts."""
    key = (seed, node, "incident")
    kind = choose(("calm", "blips", "blips", "flaps", "outages", "outages", "dead", "gone"), *key)
    last = steps[-1].at + INTERVAL

    def at(part: float) -> int:
        return steps[min(int(part * len(steps)), len(steps) - 1)].at - _MOMENT

    def fault(number: int = 0) -> Fault:
        return choose(_BAD, *key, number, "fault")

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
