"""Crawls one round: list the nodes, visit them, judge, report, store, inform the observers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Final

from collector.crawl.gate import Gate
from collector.crawl.observers import Observers
from collector.crawl.ports import Controls, NodeSource, Prober, RoundObserver, RoundStore, Sink
from collector.crawl.round import RoundRequest, RoundResult, RoundTiming
from collector.crawl.round_points import RoundPoints
from collector.crawl.self_report import RoundMeasurement, SelfReport
from collector.crawl.sweep import Sweep
from collector.loop_lag import LoopLag
from collector.model.failure import Failure
from collector.model.listing import Listing
from collector.model.observation import Observation
from collector.model.status import JudgedRound
from collector.model.vantage import BlindReason, ControlResult, own_reason, slow_reason
from collector.schema.round_record import RoundRecord
from collector.state.context import RoundContext
from collector.state.tracker import NodeTracker

log = logging.getLogger(__name__)

_SECOND_ASK_SECONDS: Final = 3.0
"""The controls are asked again within so much listening time."""
_LATEST_SECONDS: Final = 4.0
"""After the end of the visits, by the clock, a round is judged, whatever the controls still owe: so
it ends before the next one, and before the time for a shutdown is over."""


@dataclass(frozen=True, slots=True)
class CrawlParts:
    """What a crawler works with. Whoever opened the parts closes them."""

    nodes: NodeSource
    prober: Prober
    controls: Controls
    gate: Gate
    tracker: NodeTracker
    store: RoundStore
    vantage: str
    shard: str
    sinks: Sequence[Sink] = ()
    """Where rounds go besides the store."""
    lag: LoopLag = field(default_factory=LoopLag)
    """Shared with the prober and the controls; it runs during the visits of a round."""
    connect_timeout_seconds: float = 5.0
    """What a connection to a node may take, with its name and its handshake."""
    instance: str | None = None
    """Random name of this process, written with its rounds; None writes none."""


@dataclass(frozen=True, slots=True)
class _Visited:
    """What the visits of a round gave."""

    observations: dict[str, Observation]
    """By hash: of every node that was visited or refused."""
    control_result: ControlResult
    overran: bool


class Crawler:
    """Crawls rounds, one at a time, and tracks the nodes from one to the next."""

    def __init__(self, parts: CrawlParts, observers: Sequence[RoundObserver] = ()) -> None:
        self._parts = parts
        self._self_report = SelfReport(parts.vantage, parts.shard, parts.sinks, parts.instance)
        self._observers = Observers([self._self_report, *observers])
        self._sweep: Sweep | None = None
        self._asking: asyncio.Timeout | None = None
        """Ends the wait for the controls after the visits."""
        self._stop_at: float | None = None
        """When visits must have ended, by the loop's clock; None unless a stop was asked for."""

    @property
    def last_round(self) -> int | None:
        """Time of the round judged last, here or before the start; None if there is none."""
        return self._parts.tracker.last_round

    async def round(self, request: RoundRequest) -> RoundResult:
        """Crawl every node once; return the round as stored. Raise DirectoryError without a list.

        Every listed node gets exactly one reachability point, whatever happens to it.
        """
        started = perf_counter()
        parts = self._parts
        listing = await parts.nodes.listing()
        async with parts.lag as lag:
            visited = await self._visit(request, listing)
        judged = self._judge(request.time, listing, visited)
        measured = RoundMeasurement(perf_counter() - started, lag, visited.overran)
        points = RoundPoints(judged, await self._self_report.report(request, measured))
        record = RoundRecord(request.time, points, parts.tracker.changes())
        receipt = await parts.store.commit(record)
        parts.tracker.mark_saved()
        result = RoundResult(
            request=request,
            judged=judged,
            control_result=visited.control_result,
            points=points,
            receipt=receipt,
            seconds=perf_counter() - started,
            overran=visited.overran,
        )
        self._observers.on_round(result)
        return result

    def stop_within(self, seconds: float) -> None:
        """End the visits of the round under way after so many seconds at most.

        What is unfinished then is recorded as such; the round is judged and stored.
        """
        self._stop_at = asyncio.get_running_loop().time() + seconds
        if self._sweep:
            self._sweep.stop_within(seconds)
        if self._asking and not self._asking.expired():
            latest = self._stop_at + _LATEST_SECONDS
            self._asking.reschedule(min(self._asking.when() or latest, latest))

    async def _visit(self, request: RoundRequest, listing: Listing) -> _Visited:
        """Visit every node that is due, and ask the controls meanwhile."""
        parts = self._parts
        parts.prober.use_ipv6(parts.controls.has_ipv6())
        refused = {
            node.hash: Observation(node, failure)
            for node in listing.nodes
            if (failure := parts.prober.refusal(node)) is not Failure.NONE
        }
        dialled = tuple(node for node in listing.nodes if node.hash not in refused)
        plans = parts.tracker.plans(replace(listing, nodes=dialled), request.time)
        self._observers.on_start(request, len(plans))
        sweep = Sweep(parts.gate, parts.prober.visit, self._observers.on_observation)
        self._sweep = sweep
        asking = asyncio.create_task(parts.controls.ask())
        ends_at = asyncio.get_running_loop().time() + request.timing.deadline_seconds
        try:
            observations = await sweep.run(plans, self._shortened(request.timing))
            control_result = await self._control_result(asking, observations, ends_at)
        finally:
            self._sweep = None
            asking.cancel()
            await asyncio.wait({asking})
        return _Visited(refused | observations, control_result, sweep.overran)

    async def _control_result(
        self,
        asking: asyncio.Task[ControlResult],
        observations: Mapping[str, Observation],
        ends_at: float,
    ) -> ControlResult:
        """Return what the controls answered, asked again where it may be our own fault.

        They are waited for in listening time, which may take any time on a starved machine. Where
        that is longer than the round (until `ends_at`, by the loop's clock) or a stop allows, they
        could not be heard: `starved`.
        """
        controls = self._parts.controls
        latest = ends_at if self._stop_at is None else min(ends_at, self._stop_at)
        try:
            async with asyncio.timeout_at(latest + _LATEST_SECONDS) as self._asking:
                first = await asking
                if not (doubt := self._doubt(first, observations)):
                    return first
                log.info("%s: asking the controls again", doubt)
                return (await controls.ask_again(_SECOND_ASK_SECONDS)).after(first)
        except TimeoutError:
            return ControlResult(
                BlindReason.STARVED, controls.has_ipv6(), "no time was left to hear the controls"
            )
        finally:
            self._asking = None

    def _doubt(self, result: ControlResult, observations: Mapping[str, Observation]) -> str:
        """Return why the controls are asked again, in words; '' if they need not be."""
        if result.reason is BlindReason.STARVED:
            return "starved"
        suspicious = self._parts.tracker.is_suspicious(observations.values())
        return "many nodes failed together" if result.is_clear and suspicious else ""

    def _judge(self, time: int, listing: Listing, visited: _Visited) -> JudgedRound:
        """Judge the visits, of which none counts against a node if this vantage was blind."""
        observations = visited.observations.values()
        reason = visited.control_result.reason
        if reason is BlindReason.NONE:
            reason = own_reason(observations)
        if reason is BlindReason.NONE:
            limit_seconds = self._parts.connect_timeout_seconds
            late_seconds = self._parts.lag.most_late_seconds
            reason = slow_reason(visited.control_result, observations, limit_seconds, late_seconds)
        context = RoundContext(time, listing, reason, visited.control_result.ipv6)
        return self._parts.tracker.judge(context, visited.observations)

    def _shortened(self, timing: RoundTiming) -> RoundTiming:
        """The timing, its deadline no later than a stop that was asked for."""
        if self._stop_at is None:
            return timing
        left_seconds = max(0.0, self._stop_at - asyncio.get_running_loop().time())
        return replace(timing, deadline_seconds=min(timing.deadline_seconds, left_seconds))
