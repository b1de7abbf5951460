"""The script of a network: given a seed, its history is determined for every second.

Any time can be asked for, in any order, and the answer is always the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

from crn_simulator.script.fault import Fault
from crn_simulator.script.incident import Incident
from crn_simulator.script.machine import Load
from crn_simulator.script.profile import NodeProfile, make_profile
from crn_simulator.script.seeded_random import fraction
from crn_simulator.script.timeline import NodeTimeline, Stage, TimelineRules
from crn_simulator.script.trouble import Trouble, TroubleWindow
from crn_simulator.script.workload import load_at


@dataclass(eq=False)
class NetworkScript:
    """What happens to a network of `nodes` nodes; nodes are named by their index.

    start: when its history begins, in seconds since the epoch.
    speed: how much faster than the clock time passes: at 20, an incident of an hour lasts three
        minutes. The times of `incidents` and `windows` are the clock's all the same.
    calm: nothing happens at random; faults come from `shares` and `incidents` only.
    shares: the share (0 to 1) of the nodes that has a fault permanently; at least one node each.
    incidents: planned incidents of single nodes, by index.
    windows: troubles of the API, of the controls, and of the client's own network.
    zone: the domain of the nodes' DNS names.
    ipv6: whether nodes may have AAAA records; each costs a listener on `::1`.

    Raise `ValueError` if there are too few nodes for the shares.
    """

    nodes: int
    seed: int = 0
    _: KW_ONLY
    start: float = 0.0
    speed: float = 1.0
    calm: bool = False
    shares: Mapping[Fault, float] | None = None
    incidents: Mapping[int, Sequence[Incident]] | None = None
    windows: Sequence[TroubleWindow] = ()
    zone: str = "simulated.test"
    ipv6: bool = True

    def __post_init__(self) -> None:
        planned = (self.incidents or {}).items()
        self._planned = {index: tuple(incidents) for index, incidents in planned}
        faults = _assign_faults(self.nodes, self.seed, self.shares or {})
        rules = TimelineRules(self.seed, self.zone, self.start, calm=self.calm)
        self._timelines = tuple(
            NodeTimeline(
                rules,
                make_profile(self.seed, index, ipv6=self.ipv6),
                faults.get(index, Fault.NONE),
            )
            for index in range(self.nodes)
        )

    def __len__(self) -> int:
        """Return how many nodes there ever are."""
        return len(self._timelines)

    def profile(self, node: int) -> NodeProfile:
        """Return what never changes about a node."""
        return self._timelines[node].profile

    def stage(self, node: int, time: float) -> Stage:
        """Return what a node is at a time; the same object while nothing changes."""
        fault = next((i.fault for i in self._planned.get(node, ()) if i.covers(time)), None)
        return self._timelines[node].at(self._script_time(time), fault)

    def load(self, node: int, time: float) -> Load:
        """Return the load of a node at a time."""
        return load_at(self.seed, node, self.profile(node).machine, self._script_time(time))

    def troubles(self, time: float) -> frozenset[Trouble]:
        """Return what is wrong besides the nodes at a time."""
        return frozenset(window.trouble for window in self.windows if window.covers(time))

    def trouble_began(self, trouble: Trouble, time: float) -> float:
        """Return when a trouble that is present at a time began; that time if it is not present."""
        windows = (w for w in self.windows if w.trouble is trouble and w.covers(time))
        return min((window.since for window in windows), default=time)

    def _script_time(self, time: float) -> float:
        return self.start + (time - self.start) * self.speed


def every_fault(total: float) -> dict[Fault, float]:
    """Return shares that give every fault the same part; together they are `total` (0 to 1)."""
    faults = [fault for fault in Fault if fault is not Fault.NONE]
    return dict.fromkeys(faults, total / len(faults))


def _assign_faults(nodes: int, seed: int, shares: Mapping[Fault, float]) -> dict[int, Fault]:
    """Return the permanent fault of each node that has one: exact counts, random nodes."""
    order = iter(sorted(range(nodes), key=lambda index: fraction(seed, index, "troubled")))
    assigned: dict[int, Fault] = {}
    for fault, share in shares.items():
        for _ in range(max(1, round(share * nodes)) if share else 0):
            index = next(order, None)
            if index is None:
                raise ValueError(f"{nodes} nodes are too few for these shares of faults")
            assigned[index] = fault
    return assigned
