"""One round, from the list of nodes to points that are kept. Reads like the story it is."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Final, Protocol

import psutil

from collector.crawl.gate import Gate
from collector.crawl.loop_lag import LoopLag
from collector.crawl.sweep import RoundTiming, Sweep, Visit
from collector.model.failure import Failure
from collector.model.listing import Listing
from collector.model.node import Node
from collector.model.observation import Observation
from collector.model.status import JudgedRound
from collector.model.store_report import Receipt, StoreReport
from collector.model.vantage import BlindReason, ControlResult, own_reason
from collector.schema.build import (
    CollectorFigures,
    RoundKey,
    collector_point,
    points_of,
    store_point,
)
from collector.schema.column import Point
from collector.schema.round_record import RoundRecord
from collector.state.context import RoundContext
from collector.state.tracker import NodeTracker

log = logging.getLogger(__name__)

LAG_LIMIT_SECONDS: Final = 2.0
"""A loop that stood still this long may have missed answers that came in time."""
_SECOND_ASK_SECONDS: Final = 3.0
"""The controls are asked again within this time, so that the round still ends before the next."""


class NodeSource(Protocol):
    """Where the list of nodes comes from."""

    async def listing(self) -> Listing:
        """The list as it is known now. Raises DirectoryError if none is known."""


class Prober(Protocol):
    """Looks at nodes."""

    def refusal(self, node: Node) -> Failure:
        """Why a node is not dialled at all; `none` if it is."""

    def look(self, node: Node, ipv6: bool) -> Visit:
        """A look at a node that is not refused."""

    def use_ipv6(self, available: bool) -> None:
        """Say whether this vantage has a way out over IPv6."""


class Controls(Protocol):
    """Tells whether we can see."""

    def has_ipv6(self) -> bool:
        """Whether this machine knows a way out over IPv6."""

    async def ask(self, within_seconds: float | None = None) -> ControlResult:
        """Ask every control once."""


class Store(Protocol):
    """Keeps rounds."""

    async def commit(self, record: RoundRecord) -> Receipt:
        """Keep points and state, all or nothing."""


class Sink(Protocol):
    """Delivers rounds further, in its own time."""

    async def report(self, round_time: int, unsent: int) -> StoreReport:
        """What it did since it was last asked; `unsent` points were given up meanwhile."""

    async def finish(self, within_seconds: float) -> object:
        """Try to deliver what waits, then stop."""


@dataclass(frozen=True, slots=True)
class RoundResult:
    """A finished round."""

    judged: JudgedRound
    points: tuple[Point, ...]
    receipt: Receipt
    seconds: float
    """From its start to its commit."""
    overran: bool

    def summary(self) -> str:
        """One line for the log."""
        statuses = self.judged.statuses
        failures = Counter(v.failure for v in statuses if v.failure is not Failure.NONE)
        reachable = sum(v.observation is not None and v.observation.reachable for v in statuses)
        causes = ", ".join(f"{failure} {n}" for failure, n in failures.most_common(4))
        blind = "" if self.judged.sees else f" BLIND ({self.judged.reason})"
        return (
            f"round {self.judged.time}: {reachable} of {len(statuses)} nodes reachable"
            f"{f' ({causes})' if causes else ''}, {len(self.points)} points in "
            f"{self.seconds:.1f} s{', deadline reached' if self.overran else ''}{blind}"
        )


@dataclass(slots=True)
class Counters:
    """What happened between two rounds, reported in the next one."""

    rounds_skipped: int = 0
    rounds_missed: int = 0


@dataclass(slots=True)
class Crawl:
    """Everything a round needs. The parts belong to the caller."""

    directory: NodeSource
    prober: Prober
    controls: Controls
    gate: Gate
    state: NodeTracker
    store: Store
    vantage: str
    shard: str
    counters: Counters = field(default_factory=Counters)
    seen: Callable[[Observation], None] = lambda _: None
    """Called for each node as its observation comes in."""
    begun: Callable[[int], None] = lambda _: None
    """Called with the number of nodes that are looked at."""
    outlets: Sequence[Sink] = ()
    """Where rounds go besides the store."""
    _sweep: Sweep | None = None
    _latest: float | None = None
    """When the last round must end, by the loop's clock; None unless it was cut."""
    _receipt: Receipt | None = None

    async def round(self, time: int, pace: RoundTiming) -> RoundResult:
        """Crawl every node once, in the round of `time` (epoch seconds). Raises DirectoryError."""
        started = perf_counter()
        listing = await self.directory.listing()
        async with LoopLag() as lag:
            observations, control_result = await self._look_around(time, listing, pace)
        reason = control_result.reason
        if reason is BlindReason.NONE:
            reason = own_reason(observations.values(), lag.worst_seconds, LAG_LIMIT_SECONDS)
        context = RoundContext(time, listing, reason, control_result.ipv6)
        judged = self.state.judge(context, observations)
        overran = self._sweep is not None and self._sweep.overran
        points = points_of(judged, self.vantage, self.shard)
        points += self._own_points(
            time,
            points,
            perf_counter() - started,
            lag.worst_seconds,
            overran,
            observations,
            await self._reports(time),
        )
        receipt = await self.store.commit(RoundRecord(time, points, self.state.changes()))
        self.state.mark_saved()
        self._receipt = receipt
        self.counters = Counters()
        if reason is not BlindReason.NONE:
            log.warning(
                "this vantage cannot see (%s): %s", reason, control_result.detail or "see figures"
            )
        return RoundResult(judged, tuple(points), receipt, perf_counter() - started, overran)

    async def deliver(self, within_seconds: float) -> None:
        """Give every outlet a last chance."""
        for outlet in self.outlets:
            await outlet.finish(within_seconds)

    def cut(self, seconds: float) -> None:
        """Let the round under way, however far it is, finish for so many seconds at most."""
        self._latest = asyncio.get_running_loop().time() + seconds
        if self._sweep:
            self._sweep.cut(seconds)

    async def _look_around(
        self, time: int, listing: Listing, pace: RoundTiming
    ) -> tuple[dict[str, Observation], ControlResult]:
        """Look at every node that is due, and at the controls."""
        self.prober.use_ipv6(self.controls.has_ipv6())
        refused = {
            node.hash: Observation(node, failure)
            for node in listing.nodes
            if (failure := self.prober.refusal(node)) is not Failure.NONE
        }
        dialled = tuple(node for node in listing.nodes if node.hash not in refused)
        plans = self.state.plans(replace(listing, nodes=dialled), time)
        self.begun(len(plans))
        if self._latest is not None:
            left = max(0.0, self._latest - asyncio.get_running_loop().time())
            pace = replace(pace, deadline_seconds=min(pace.deadline_seconds, left))
        self._sweep = Sweep(self.gate, self.prober.look, self.seen)
        asking = asyncio.create_task(self.controls.ask())
        try:
            observations = await self._sweep.run(plans, pace)
            control_result = await asking
        finally:
            asking.cancel()
            await asyncio.wait({asking})
        if control_result.ok and self.state.is_suspicious(observations.values()):
            log.info("many nodes failed together: asking the controls again")
            again = await self.controls.ask(_SECOND_ASK_SECONDS)
            control_result = replace(again, ipv6=again.ipv6 and control_result.ipv6)
        return refused | observations, control_result

    async def _reports(self, time: int) -> list[StoreReport]:
        """Every store as it stands: the own one after the round before, the others now."""
        receipt = self._receipt
        own = [StoreReport.of(receipt)] if receipt else []
        unsent = receipt.unsent if receipt else 0
        return own + [await outlet.report(time, unsent) for outlet in self.outlets]

    def _own_points(
        self,
        time: int,
        points: list[Point],
        seconds: float,
        lag_seconds: float,
        overran: bool,
        observations: dict[str, Observation],
        reports: Sequence[StoreReport],
    ) -> list[Point]:
        """The collector's point, and those of its stores."""
        rss_bytes, open_fds = own_resources()
        key = RoundKey(time, self.vantage, self.shard)
        stored = [store_point(key, report) for report in reports]
        figures = CollectorFigures(
            round_seconds=seconds,
            loop_lag_seconds=lag_seconds,
            probes=sum(len(o.attempts) for o in observations.values()),
            points=len(points) + len(stored) + 1,
            rounds_skipped=self.counters.rounds_skipped,
            rounds_missed=self.counters.rounds_missed,
            overran=overran,
            rss_bytes=rss_bytes,
            open_fds=open_fds,
        )
        return [collector_point(key, figures), *stored]


def own_resources() -> tuple[int | None, int | None]:
    """Resident memory in bytes and open descriptors of this process; None where unknown."""
    process = psutil.Process()
    try:
        return process.memory_info().rss, process.num_fds()
    except (psutil.Error, AttributeError):  # no descriptors to count on Windows
        return None, None
