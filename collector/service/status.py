"""The state of the network and of the collector, as the store and the last round show it.

Typed answers to what commands ask; nothing here prints.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.errors import DataDirectoryError
from collector.model.event import clock as utc_text
from collector.model.failure import Failure
from collector.model.status import NodeStatus
from collector.schema.measurements import CollectorStore, CrnReachability, CrnUsage, CrnVersion
from collector.store import Reader
from collector.times import HOUR

log = logging.getLogger(__name__)

MAX_AGE_ROUNDS: Final = 3
"""Intervals after which usage is out of date, and a collector without a round is not running."""
_VERSION_SECONDS: Final = 2 * HOUR
"""Versions are written on change and once an hour."""


def open_reader(
    directory: Path, interval_seconds: float, clock: Callable[[], float] = time.time
) -> Reader:
    """Open the store in a data directory, to be read by the clock of this machine.

    A round more than an interval ahead of it was made by a clock that was wrong, and is not the
    last one. Raises as `Reader` does.
    """
    return Reader(directory, lambda: clock() + interval_seconds)


def warn_of_future(reader: Reader) -> None:
    """Log a last round from the future, which what follows passes over."""
    if problem := clock_problem(reader):
        log.warning("%s; what came before it is shown", problem)


def clock_problem(reader: Reader) -> str:
    """Return what to say of a last round from the future; '' if it is not from there."""
    future = reader.future_round()
    if future is None:
        return ""
    return (
        f"the last round is from the future ({utc_text(future)}): "
        "the clock of this machine is or was wrong"
    )


@dataclass(frozen=True, slots=True)
class StoredNode:
    """What the store has of one node."""

    reachability: CrnReachability
    """Of the last round."""
    version: str | None
    """The last one within two hours."""
    usage: CrnUsage | None
    """The last one within three intervals."""

    @property
    def is_up(self) -> bool | None:
        """Whether the node is up after hysteresis; None for an address that is never dialled."""
        up = self.reachability.up
        return None if up is None else bool(up)

    @property
    def failure(self) -> Failure | None:
        """Why the node was not reachable; None for a failure of a newer version."""
        try:
            return Failure(self.reachability.failure)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class StoredNodes:
    """Every node of the last round, as one vantage sees it."""

    round: int | None
    """Its time in seconds since 1970; None before the first round."""
    nodes: tuple[StoredNode, ...]
    """Nodes that are down first, then those without a state, then those that are up; by name."""

    def not_up(self) -> StoredNodes:
        """Return only the nodes that are not up."""
        return StoredNodes(self.round, tuple(node for node in self.nodes if not node.is_up))


def read_nodes(reader: Reader, vantage: str, interval_seconds: float) -> StoredNodes:
    """Return what the store has of each node. Raise DataDirectoryError if it cannot be read."""
    # A renamed node has two series; the newest point comes last.
    reached = {p.node: p for p in reader.latest(CrnReachability, 0, vantage=vantage)}
    versions = {p.node: p for p in reader.latest(CrnVersion, _VERSION_SECONDS, vantage=vantage)}
    recent = MAX_AGE_ROUNDS * interval_seconds
    usages = {p.node: p for p in reader.latest(CrnUsage, recent, vantage=vantage)}
    nodes = [
        StoredNode(point, versions[key].version if key in versions else None, usages.get(key))
        for key, point in reached.items()
    ]
    return StoredNodes(reader.last_round(), tuple(sorted(nodes, key=_urgency)))


def _urgency(node: StoredNode) -> tuple[int, str, str]:
    rank = {False: 0, None: 1, True: 2}[node.is_up]
    return rank, node.reachability.name.lower(), node.reachability.node


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a collector is at work."""

    problem: str
    """Why it is not; empty if it is."""
    round_age_seconds: float | None = None
    """Since the last round; None if there is none or the store cannot be read."""
    unavailable_stores: tuple[str, ...] = ()
    """Databases that accept no writes at present; their rounds wait in the spool."""
    shared_stores: tuple[str, ...] = ()
    """Databases into which another collector writes points of the same vantage and shard."""

    def is_healthy(self, *, ready: bool) -> bool:
        """Whether rounds are stored and, if `ready` asks for it, every database accepts writes."""
        return not (self.problem or (ready and (self.unavailable_stores or self.shared_stores)))


def read_health(
    directory: Path, vantage: str, shard: str, interval_seconds: float, now: float
) -> Health:
    """Return whether the collector of this vantage and shard stores rounds in a data directory.

    `now` is in seconds since 1970.
    """
    limit = MAX_AGE_ROUNDS * interval_seconds
    try:
        with open_reader(directory, interval_seconds, lambda: now) as reader:
            future = clock_problem(reader)
            last = reader.last_round()
            stores = reader.latest(CollectorStore, limit, vantage=vantage)
    except DataDirectoryError as exc:
        return Health(str(exc))
    if last is None:
        return Health(future or "no round is stored yet")
    age = max(0.0, now - last)
    own = [s for s in stores if s.shard == shard]
    unavailable = tuple(sorted({s.store for s in own if not s.connected}))
    shared = tuple(sorted({s.store for s in own if s.conflict}))
    problem = future
    if age > limit and not future:
        problem = f"the last round is {age:.0f} s old; the interval is {interval_seconds:g} s"
    return Health(problem, age, unavailable, shared)


@dataclass(frozen=True, slots=True)
class FailureCounts:
    """How the visits of one round ended."""

    nodes: tuple[tuple[Failure, int], ...]
    """Nodes by failure: reachable ones first, then the most frequent failures."""
    not_visited: int
    """Nodes that were not due: down for long, so visited less often."""


def count_failures(statuses: Iterable[NodeStatus]) -> FailureCounts:
    """Count the nodes of a round by the failure of their visit; `none` is always there."""
    counts = Counter({Failure.NONE: 0})
    not_visited = 0
    for status in statuses:
        if status.observation is None:
            not_visited += 1
        else:
            counts[Failure.NONE if status.observation.reachable else status.failure] += 1
    ordered = sorted(counts.items(), key=lambda pair: (pair[0] is not Failure.NONE, -pair[1]))
    return FailureCounts(tuple(ordered), not_visited)
