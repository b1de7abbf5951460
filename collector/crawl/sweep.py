"""All visits of one round: spread over a window, through the gate, ended by a deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from collector.crawl.gate import Gate
from collector.crawl.pace import Pace
from collector.crawl.ports import Visit
from collector.crawl.round import RoundTiming
from collector.model.node import Node
from collector.model.observation import Ipv6Method, Observation
from collector.state.plan import VisitPlan

log = logging.getLogger(__name__)


class Sweep:
    """The visits of one round. `stop_within` ends them early."""

    def __init__(
        self,
        gate: Gate,
        visit: Callable[[Node, Ipv6Method | None], Visit],
        on_observation: Callable[[Observation], None] = lambda _: None,
    ) -> None:
        self._gate = gate
        self._pace = Pace()
        self._visit = visit
        self._on_observation = on_observation
        self._running: dict[str, tuple[Visit, asyncio.Task[None]]] = {}
        self._observations: dict[str, Observation] = {}
        self._deadline: asyncio.Timeout | None = None
        self.overran = False
        """The deadline, or a stop, ended it with visits unfinished."""

    async def run(self, plans: Iterable[VisitPlan], timing: RoundTiming) -> dict[str, Observation]:
        """Make every visit; return one observation for each plan, by the node's hash."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        plans = list(plans)
        fast = [plan for plan in plans if not plan.hung]
        slow = [plan for plan in plans if plan.hung]
        try:
            async with asyncio.timeout_at(start + timing.deadline_seconds) as self._deadline:
                async with asyncio.TaskGroup() as lanes:
                    order = _spread if timing.spread_seconds else _queue
                    lanes.create_task(self._begin_all(order(fast, timing), start, slow=False))
                    lanes.create_task(self._begin_all(_queue(slow, timing), start, slow=True))
                running = [task for _, task in self._running.values()]
                if running:
                    await asyncio.wait(running)
        except TimeoutError:
            self.overran = True
        finally:
            self._deadline = None
            await self._cancel_running()
        for plan in plans:
            if plan.node.hash not in self._observations:
                self._record(plan.node.hash, self._visit(plan.node, None).observation(True))
        return self._observations

    def stop_within(self, seconds: float) -> None:
        """Bring the deadline forward to so many seconds from now; never put it off."""
        if self._deadline and not self._deadline.expired():
            latest = asyncio.get_running_loop().time() + seconds
            self._deadline.reschedule(min(self._deadline.when() or latest, latest))

    async def _begin_all(
        self, begins: Iterable[tuple[float, VisitPlan]], start: float, slow: bool
    ) -> None:
        """Begin each visit at its time, or as soon after as gate and pace let it."""
        loop = asyncio.get_running_loop()
        for offset, plan in begins:
            wait_seconds = start + offset - loop.time()
            if wait_seconds > 0:
                await asyncio.sleep(wait_seconds)
            await self._gate.enter(slow)
            try:
                await self._pace.next()
            except BaseException:
                self._gate.leave(slow)
                raise
            self._begin(plan, slow)

    def _begin(self, plan: VisitPlan, slow: bool) -> None:
        key = plan.node.hash
        visit = self._visit(plan.node, plan.ipv6)
        task = asyncio.create_task(visit.run())
        self._running[key] = (visit, task)

        def on_done(task: asyncio.Task[None]) -> None:
            self._gate.leave(slow)
            self._running.pop(key, None)
            if not task.cancelled() and (bug := task.exception()):
                log.error("the visit to %s broke off: a bug", plan.node.address, exc_info=bug)
            self._record(key, visit.observation(task.cancelled()))

        task.add_done_callback(on_done)

    def _record(self, key: str, observation: Observation) -> None:
        self._observations[key] = observation
        self._on_observation(observation)

    async def _cancel_running(self) -> None:
        tasks = [task for _, task in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _spread(plans: list[VisitPlan], timing: RoundTiming) -> list[tuple[float, VisitPlan]]:
    """When each visit begins, in seconds after the start: at its node's fraction of the window."""
    begins = [(plan.node.fraction() * timing.spread_seconds, plan) for plan in plans]
    return sorted(begins, key=lambda pair: pair[0])


def _queue(plans: list[VisitPlan], timing: RoundTiming) -> list[tuple[float, VisitPlan]]:
    """When each visit begins, in seconds after the start: the oldest evidence first, no gaps."""
    waiting = sorted(plans, key=lambda plan: (plan.evidence_at, plan.node.hash))
    return [(i / timing.starts_per_second, plan) for i, plan in enumerate(waiting)]
