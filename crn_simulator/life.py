"""The life of one node: when it joins, moves, is renamed, upgrades, leaves, and what befalls it."""

import dataclasses
import math
from dataclasses import dataclass

from crn_simulator.behaviour import Behaviour
from crn_simulator.chance import chance, pick
from crn_simulator.fault import ANSWER_FAULTS, OUTCOMES, Fault
from crn_simulator.firmware import NEWEST, RELEASES
from crn_simulator.incident import DAY, fault_at
from crn_simulator.outcome import CONFIG, USAGE
from crn_simulator.trait import Trait

_UPGRADE_DAYS = 6.0
_USAGE_BROKEN_SHARE = 0.04
_SCOPES = (frozenset[str](), frozenset[str](), frozenset({CONFIG}), frozenset({USAGE}))
_NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Stage:
    """What a node is at one time.

    listed: it is in the directory. host: its name in DNS. name: its display name.
    """

    listed: bool
    host: str
    name: str
    behaviour: Behaviour


class Life:
    """One node's whole history, to be asked at any time.

    start, span: joining, leaving, moving and renaming fall into the `span` seconds after `start`.
    calm: nothing ever changes but the load.
    fault: one that the node has all the time; nothing else befalls it then.
    """

    __slots__ = (
        "_joins",
        "_key",
        "_leaves",
        "_moves",
        "_pace",
        "_renamed",
        "_stages",
        "calm",
        "fault",
        "start",
        "trait",
        "zone",
    )

    def __init__(
        self,
        seed: int,
        trait: Trait,
        *,
        zone: str,
        start: float,
        span: float,
        calm: bool,
        fault: Fault,
    ) -> None:
        self.trait = trait
        self.zone = zone
        self.start = start
        self.calm = calm
        self.fault = fault
        self._key = (seed, trait.index)
        self._stages: dict[object, Stage] = {}

        def once(what: str, share: float) -> float:
            if calm or fault is not Fault.NONE or chance(*self._key, what) >= share:
                return _NEVER
            return start + chance(*self._key, what, "when") * span

        self._joins = once("joins", 0.03)
        self._leaves = once("leaves", 0.02) if self._joins == _NEVER else _NEVER
        self._moves = once("moves", 0.03)
        self._renamed = once("renamed", 0.03)
        upgrades = not calm and chance(*self._key, "upgrades") < 0.6
        days = _UPGRADE_DAYS * (0.1 + chance(*self._key, "pace"))
        self._pace = days * DAY if upgrades else _NEVER

    def at(self, time: float, told: Fault | None = None) -> Stage:
        """What the node is at a time; the same object while nothing changes.

        told: the fault that it must have, instead of what chance brings.
        """
        key = (
            self._listed(time),
            time >= self._moves,
            time >= self._renamed,
            self._release(time),
            told or self._fault(time),
        )
        stage = self._stages.get(key)
        if stage is None:
            self._stages[key] = stage = self._stage(*key)
        return stage

    def _listed(self, time: float) -> bool:
        joined = self._joins == _NEVER or time >= self._joins
        return joined and time < self._leaves

    def _release(self, time: float) -> int:
        """Its place in `RELEASES`; from the start on, a node upgrades every few days or never."""
        first = self.trait.release
        if self._pace == _NEVER or time < self.start:
            return first
        steps = int((time - self.start) / self._pace)
        return min(first + steps, len(RELEASES) - 1)

    def _fault(self, time: float) -> Fault:
        if self.calm or self.fault is not Fault.NONE:
            return self.fault
        return fault_at(*self._key, time)

    def _stage(self, listed: bool, moved: bool, renamed: bool, release: int, fault: Fault) -> Stage:
        trait = self.trait
        suffix = "-b" if moved else ""
        return Stage(
            listed=listed,
            host=f"crn-{trait.index:05}{suffix}.{self.zone}",
            name=f"{trait.name[:40]} II" if renamed else trait.name,
            behaviour=self._behaviour(RELEASES[release], fault),
        )

    def _behaviour(self, version: str, fault: Fault) -> Behaviour:
        trait = self.trait
        behaviour = Behaviour(
            version=version,
            machine=trait.machine,
            server=trait.server,
            host_ipv6=trait.host_ipv6,
            vm_ipv6=trait.vm_ipv6,
            aaaa=trait.aaaa,
            cold=trait.cold,
            fault=fault,
            paths=self._paths(fault),
            keeps_header=trait.keeps_header,
        )
        # One fault at a time: what two together must look like is nowhere said.
        breakable = fault is Fault.NONE and not behaviour.firmware.since("1.7.0")
        if breakable and chance(*self._key, "usage_broken") < _USAGE_BROKEN_SHARE:
            return dataclasses.replace(behaviour, usage_broken=True)
        return behaviour

    def _paths(self, fault: Fault) -> frozenset[str]:
        if fault not in ANSWER_FAULTS or OUTCOMES[fault].reachable:
            return frozenset()
        return pick(_SCOPES, *self._key, "paths", fault)


def newest_release() -> str:
    """What the network's settings call the last version: the one before the newest."""
    return RELEASES[RELEASES.index(NEWEST) - 1]
