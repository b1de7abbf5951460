"""The timeline of one node: when it joins, moves, is renamed, upgrades, leaves, and its faults."""

import dataclasses
import math
from dataclasses import dataclass

from crn_simulator.script.endpoint import CONFIG, USAGE
from crn_simulator.script.fault import Fault
from crn_simulator.script.fault_effect import ANSWER_FAULTS, FAULT_EFFECTS
from crn_simulator.script.firmware import RELEASES
from crn_simulator.script.incident import DAY, fault_at
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.script.profile import NodeProfile
from crn_simulator.script.seeded_random import choose, fraction

_UPGRADE_DAYS = 6.0
_USAGE_BROKEN_SHARE = 0.04
_FAULT_PATHS = (
    frozenset[str](),
    frozenset[str](),
    frozenset({CONFIG}),
    frozenset({USAGE}),
)
_NEVER = math.inf


@dataclass(frozen=True, slots=True)
class Stage:
    """A node between two changes.

    listed: it is in the directory. host: its DNS name. name: its display name.
    """

    listed: bool
    host: str
    name: str
    spec: NodeSpec


@dataclass(frozen=True, slots=True)
class TimelineRules:
    """What all nodes of a script have in common.

    zone: the domain of the nodes' DNS names.
    start, span: joining, leaving, moving and renaming happen within `span` seconds after `start`.
    calm: nothing ever changes but the load.
    """

    seed: int
    zone: str
    start: float
    span: float = DAY
    calm: bool = False


class NodeTimeline:
    """The whole history of one node; any time can be asked for.

    fault: one that the node has permanently, and then no other.
    """

    __slots__ = (
        "_fault",
        "_joins",
        "_key",
        "_leaves",
        "_moves",
        "_renamed",
        "_rules",
        "_stages",
        "_upgrade_seconds",
        "profile",
    )

    def __init__(self, rules: TimelineRules, profile: NodeProfile, fault: Fault) -> None:
        self.profile = profile
        self._rules = rules
        self._fault = fault
        self._key = (rules.seed, profile.index)
        self._stages: dict[object, Stage] = {}
        self._joins = self._time_of("joins", 0.03)
        self._leaves = self._time_of("leaves", 0.02) if self._joins == _NEVER else _NEVER
        self._moves = self._time_of("moves", 0.03)
        self._renamed = self._time_of("renamed", 0.03)
        upgrades = not rules.calm and fraction(*self._key, "upgrades") < 0.6
        days = _UPGRADE_DAYS * (0.1 + fraction(*self._key, "pace"))
        self._upgrade_seconds = days * DAY if upgrades else _NEVER

    def at(self, time: float, planned_fault: Fault | None = None) -> Stage:
        """Return the stage at a time; the same object while nothing changes.

        planned_fault: the fault to have instead of a random one.
        """
        key = (
            self._is_listed(time),
            time >= self._moves,
            time >= self._renamed,
            self._release(time),
            planned_fault or self._fault_at(time),
        )
        stage = self._stages.get(key)
        if stage is None:
            self._stages[key] = stage = self._stage(*key)
        return stage

    def _time_of(self, change: str, probability: float) -> float:
        """Return when a change happens that happens at most once; infinity for never."""
        rules = self._rules
        if rules.calm or self._fault is not Fault.NONE:
            return _NEVER
        if fraction(*self._key, change) >= probability:
            return _NEVER
        return rules.start + fraction(*self._key, change, "when") * rules.span

    def _is_listed(self, time: float) -> bool:
        joined = self._joins == _NEVER or time >= self._joins
        return joined and time < self._leaves

    def _release(self, time: float) -> int:
        """Return the index in `RELEASES`; a node upgrades every few days or never."""
        first = self.profile.release
        if self._upgrade_seconds == _NEVER or time < self._rules.start:
            return first
        steps = int((time - self._rules.start) / self._upgrade_seconds)
        return min(first + steps, len(RELEASES) - 1)

    def _fault_at(self, time: float) -> Fault:
        if self._rules.calm or self._fault is not Fault.NONE:
            return self._fault
        return fault_at(*self._key, time)

    def _stage(self, listed: bool, moved: bool, renamed: bool, release: int, fault: Fault) -> Stage:
        profile = self.profile
        suffix = "-b" if moved else ""
        return Stage(
            listed=listed,
            host=f"crn-{profile.index:05}{suffix}.{self._rules.zone}",
            name=f"{profile.name[:40]} II" if renamed else profile.name,
            spec=self._spec(RELEASES[release], fault),
        )

    def _spec(self, version: str, fault: Fault) -> NodeSpec:
        profile = self.profile
        spec = NodeSpec(
            version=version,
            machine=profile.machine,
            server=profile.server,
            host_ipv6=profile.host_ipv6,
            vm_ipv6=profile.vm_ipv6,
            aaaa=profile.aaaa,
            cold=profile.cold,
            fault=fault,
            paths=self._paths(fault),
            keeps_header=profile.keeps_header,
        )
        # One fault at a time: the expected result of two together is not defined.
        breakable = fault is Fault.NONE and not spec.firmware.since("1.7.0")
        if breakable and fraction(*self._key, "usage_broken") < _USAGE_BROKEN_SHARE:
            return dataclasses.replace(spec, usage_broken=True)
        return spec

    def _paths(self, fault: Fault) -> frozenset[str]:
        if fault not in ANSWER_FAULTS or FAULT_EFFECTS[fault].reachable:
            return frozenset()
        return choose(_FAULT_PATHS, *self._key, "paths", fault)
