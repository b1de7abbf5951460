"""The script of a whole network: with a seed, its history is determined for every second.

It can be asked about any moment without being run, in any order, and always says the same.
"""

from collections.abc import Mapping, Sequence

from crn_simulator.chance import chance
from crn_simulator.event import Event, differences
from crn_simulator.fault import Fault
from crn_simulator.incident import DAY, Incident
from crn_simulator.life import Life, Stage
from crn_simulator.machine import Load
from crn_simulator.trait import Trait, trait
from crn_simulator.trouble import Trouble, Window
from crn_simulator.truth import Truth, truth
from crn_simulator.workload import load_at


class Script:
    """What happens to a network of `nodes` nodes, told by their index.

    start: when its history begins, in seconds since the epoch.
    tempo: how much faster than the clock life goes: at 20, an outage of an hour is over in three
        minutes. The times of `incidents` and `windows` are the clock's all the same.
    calm: nothing happens by chance; faults come from `shares` and `incidents` only.
    shares: the part (0 to 1) of the nodes that has a fault all the time; at least one node each.
    incidents: faults that single nodes have for a time, by index.
    windows: troubles of the API and of the client's own way out.
    zone: the domain under which nodes have their names.
    ipv6: whether nodes may have AAAA records; they cost a listener on `::1` each.
    """

    def __init__(
        self,
        nodes: int,
        seed: int = 0,
        *,
        start: float = 0.0,
        tempo: float = 1.0,
        calm: bool = False,
        shares: Mapping[Fault, float] | None = None,
        incidents: Mapping[int, Sequence[Incident]] | None = None,
        windows: Sequence[Window] = (),
        zone: str = "simulated.test",
        ipv6: bool = True,
    ) -> None:
        self.seed = seed
        self.start = start
        self.tempo = tempo
        self.windows = tuple(windows)
        self.zone = zone
        faults = _assign(nodes, seed, shares or {})
        self._told = {index: tuple(told) for index, told in (incidents or {}).items()}
        self._lives = tuple(
            Life(
                seed,
                trait(seed, index, ipv6=ipv6),
                zone=zone,
                start=start,
                span=DAY,
                calm=calm,
                fault=faults.get(index, Fault.NONE),
            )
            for index in range(nodes)
        )

    def __len__(self) -> int:
        """How many nodes there ever are."""
        return len(self._lives)

    def trait(self, node: int) -> Trait:
        """What never changes about a node."""
        return self._lives[node].trait

    def stage(self, node: int, time: float) -> Stage:
        """What a node is at a time; the same object while nothing changes."""
        fault = next((i.fault for i in self._told.get(node, ()) if i.covers(time)), None)
        return self._lives[node].at(self._hasten(time), fault)

    def load(self, node: int, time: float) -> Load:
        """How busy a node is at a time."""
        return load_at(self.seed, node, self.trait(node).machine, self._hasten(time))

    def truth(self, node: int, time: float) -> Truth:
        """What is really true of a node at a time."""
        return truth(self.trait(node).hash, self.stage(node, time), self.load(node, time))

    def events(self, node: int, since: float, until: float) -> tuple[Event, ...]:
        """What differs between two moments of a node."""
        return differences(self.truth(node, since), self.truth(node, until))

    def troubles(self, time: float) -> frozenset[Trouble]:
        """What is wrong beside the nodes at a time."""
        return frozenset(window.trouble for window in self.windows if window.covers(time))

    def began(self, trouble: Trouble, time: float) -> float:
        """When a trouble that is there at a time began; that time if it is not."""
        windows = (w for w in self.windows if w.trouble is trouble and w.covers(time))
        return min((window.since for window in windows), default=time)

    def _hasten(self, time: float) -> float:
        return self.start + (time - self.start) * self.tempo


def every_fault(total: float) -> dict[Fault, float]:
    """Shares that give every fault the same part, `total` (0 to 1) together."""
    faults = [fault for fault in Fault if fault is not Fault.NONE]
    return dict.fromkeys(faults, total / len(faults))


def _assign(nodes: int, seed: int, shares: Mapping[Fault, float]) -> dict[int, Fault]:
    """Which node has which fault: an exact count of each, at nodes drawn by chance."""
    order = iter(sorted(range(nodes), key=lambda index: chance(seed, index, "troubled")))
    assigned: dict[int, Fault] = {}
    for fault, share in shares.items():
        for _ in range(max(1, round(share * nodes)) if share else 0):
            index = next(order, None)
            if index is None:
                raise ValueError(f"{nodes} nodes are too few for these shares of faults")
            assigned[index] = fault
    return assigned
