"""What a crawler works with, made for tests: each part does what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from collector.crawl.ports import RoundObserver
from collector.crawl.round import RoundRequest, RoundResult
from collector.errors import DirectoryError
from collector.model.failure import Failure
from collector.model.listing import Listing, NetworkSettings
from collector.model.node import Node
from collector.model.observation import Endpoint, Ipv6Method, Observation, Phases, Probe
from collector.model.store_report import Receipt, StoreReport
from collector.model.vantage import ControlResult
from collector.schema.measurements import MEASUREMENTS
from collector.schema.round_record import RoundRecord
from collector.store import MemoryStore


def nodes(count: int, refused: Iterable[int] = ()) -> list[Node]:
    return [
        Node(
            f"{i:064x}",
            f"node-{i}",
            f"https://n{i}.test",
            host=f"n{i}.test",
            refused=Failure.INVALID_ADDRESS if i in refused else Failure.NONE,
        )
        for i in range(count)
    ]


@dataclass
class NodeSource:
    """A list that is there, is not, or comes late."""

    listed: list[Node]
    ready: asyncio.Event | None = None
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    error: DirectoryError | None = None

    async def listing(self) -> Listing:
        self.asked.set()
        if self.ready:
            await self.ready.wait()
        if self.error:
            raise self.error
        return Listing(tuple(self.listed), NetworkSettings(), 1.0)


@dataclass
class Prober:
    """Visits that end as a table says; `None` never ends."""

    outcomes: dict[str, Failure | None] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    ipv6: list[bool] = field(default_factory=list)
    visited: list[str] = field(default_factory=list)
    hangs: asyncio.Event = field(default_factory=asyncio.Event)
    phases: Phases = field(default_factory=Phases)
    """Of every visit that is answered."""
    on_visit: Callable[[], None] = lambda: None

    def refusal(self, node: Node) -> Failure:
        if node.refused is not Failure.NONE:
            return node.refused
        return Failure.FORBIDDEN_ADDRESS if node.hash in self.forbidden else Failure.NONE

    def use_ipv6(self, available: bool) -> None:
        self.ipv6.append(available)

    def visit(self, node: Node, ipv6: Ipv6Method | None) -> _Visit:
        return _Visit(self, node)


@dataclass
class _Visit:
    prober: Prober
    node: Node
    done: bool = False

    async def run(self) -> None:
        self.prober.visited.append(self.node.hash)
        self.prober.on_visit()
        if self.prober.outcomes.get(self.node.hash, Failure.NONE) is None:
            self.prober.hangs.set()
            await asyncio.Event().wait()
        self.done = True

    def observation(self, is_unfinished: bool = False) -> Observation:
        if is_unfinished or not self.done:
            return Observation(self.node, Failure.ROUND_DEADLINE)
        failure = self.prober.outcomes.get(self.node.hash, Failure.NONE) or Failure.NONE
        probe = Probe(
            Endpoint.CONFIG, failure, 200, response_bytes=2 if failure is Failure.NONE else None
        )
        phases = self.prober.phases if failure is Failure.NONE else Phases()
        return Observation(self.node, failure, (probe,), phases)


@dataclass
class Controls:
    """Answers one after another; the last one again and again."""

    results: list[ControlResult] = field(default_factory=lambda: [ControlResult()])
    limits: list[float | None] = field(default_factory=list)
    answers: int | None = None
    """After so many answers none comes."""

    def has_ipv6(self) -> bool:
        return True

    async def ask(self) -> ControlResult:
        return await self._answer(None)

    async def ask_again(self, within_seconds: float) -> ControlResult:
        return await self._answer(within_seconds)

    async def _answer(self, within_seconds: float | None) -> ControlResult:
        if self.answers == len(self.limits):
            await asyncio.Event().wait()
        self.limits.append(within_seconds)
        await asyncio.sleep(0)
        return self.results[min(len(self.limits), len(self.results)) - 1]


class PendingRounds:
    """A store whose disk takes nothing."""

    def __init__(self, unsent: int = 0) -> None:
        self.batches: list[RoundRecord] = []
        self.unsent = unsent

    async def commit(self, batch: RoundRecord) -> Receipt:
        self.batches.append(batch)
        store = MemoryStore(MEASUREMENTS)
        async with store:
            receipt = await store.commit(batch)
        return replace(
            receipt,
            stored=False,
            waiting_rounds=len(self.batches),
            waiting_points=9,
            waiting_bytes=900,
            waiting_seconds=60.0,
            unsent=self.unsent,
        )


class Recorder(RoundObserver):
    """Records what it hears."""

    def __init__(self) -> None:
        self.started: list[tuple[RoundRequest, int]] = []
        self.observations: list[Observation] = []
        self.results: list[RoundResult] = []

    def on_start(self, request: RoundRequest, nodes: int) -> None:
        self.started.append((request, nodes))

    def on_observation(self, observation: Observation) -> None:
        self.observations.append(observation)

    def on_round(self, result: RoundResult) -> None:
        self.results.append(result)


class Broken(RoundObserver):
    """Fails at everything."""

    def on_start(self, request: RoundRequest, nodes: int) -> None:
        raise KeyError("start")

    def on_observation(self, observation: Observation) -> None:
        raise KeyError("observation")

    def on_round(self, result: RoundResult) -> None:
        raise KeyError("round")


@dataclass
class Delivery:
    """A sink that says what it is asked."""

    asked: list[tuple[int, int]] = field(default_factory=list)
    finished: bool = False

    async def report(self, round_time: int, unsent: int) -> StoreReport:
        self.asked.append((round_time, unsent))
        return StoreReport("elsewhere", True, 1, 2, 3, 4, 5, 6.0, 7.0)

    async def finish(self, within_seconds: float) -> None:
        self.finished = True
