"""All looks of one round: spread over a window, through the gate, ended by a deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from collector.crawl.gate import Gate
from collector.model.node import Node
from collector.model.observation import Observation
from collector.state.plan import VisitPlan

log = logging.getLogger(__name__)


class Visit(Protocol):
    """One look at one node."""

    async def run(self) -> None:
        """Make all checks."""

    def observation(self, is_unfinished: bool = False) -> Observation:
        """What it gave, even if it was cancelled (`cut`)."""


@dataclass(frozen=True, slots=True)
class RoundTiming:
    """When the looks of a round are made, in seconds after its start."""

    spread_seconds: float
    """Window over which they are spread, by a stable fraction of each node; 0 as fast as may be."""
    deadline_seconds: float
    """When the round ends, whatever is unfinished."""
    starts_per_second: float = 250.0
    """Looks begun where they are not spread: more handshakes at once than a slow machine can do
    would time out by our own doing."""


class Sweep:
    """One round's looks. `cut` ends it early."""

    def __init__(
        self,
        gate: Gate,
        look: Callable[[Node, bool], Visit],
        seen: Callable[[Observation], None] = lambda _: None,
    ) -> None:
        self._gate = gate
        self._look = look
        self._seen = seen
        self._looks: dict[str, tuple[Visit, asyncio.Task[None]]] = {}
        self._observations: dict[str, Observation] = {}
        self._end: asyncio.Timeout | None = None
        self._unfinished: list[VisitPlan] = []
        self.overran = False
        """The deadline ended it, or it was cut."""

    async def run(self, plans: Iterable[VisitPlan], pace: RoundTiming) -> dict[str, Observation]:
        """One observation for every order, by hash."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        plans = list(plans)
        fast = [order for order in plans if not order.hung]
        slow = [order for order in plans if order.hung]
        try:
            async with asyncio.timeout_at(start + pace.deadline_seconds) as self._end:
                async with asyncio.TaskGroup() as lanes:
                    lanes.create_task(self._dispatch(_plan(fast, pace), start, lane=False))
                    lanes.create_task(self._dispatch(_plan(slow, pace, hung=True), start, True))
                running = [task for _, task in self._looks.values()]
                if running:
                    await asyncio.wait(running)
        except TimeoutError:
            self.overran = True
        finally:
            self._end = None
            await self._cancel_all()
        for order in plans:
            if order.node.hash not in self._observations:
                self._note(
                    order.node.hash, self._look(order.node, False).observation(is_unfinished=True)
                )
        return self._observations

    def cut(self, seconds: float) -> None:
        """Let what runs finish for so many seconds at most; what is unfinished is recorded."""
        if self._end and not self._end.expired():
            latest = asyncio.get_running_loop().time() + seconds
            self._end.reschedule(min(self._end.when() or latest, latest))

    async def _dispatch(
        self, plan: Iterable[tuple[float, VisitPlan]], start: float, lane: bool
    ) -> None:
        """Begin each look at its time, or as soon after as the gate lets it in."""
        loop = asyncio.get_running_loop()
        for offset, order in plan:
            wait = start + offset - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            await self._gate.enter(lane)
            self._begin(order, lane)

    def _begin(self, order: VisitPlan, lane: bool) -> None:
        key = order.node.hash
        look = self._look(order.node, order.ipv6)
        task = asyncio.create_task(look.run())
        self._looks[key] = (look, task)

        def done(task: asyncio.Task[None]) -> None:
            self._gate.leave(lane)
            self._looks.pop(key, None)
            if not task.cancelled() and (bug := task.exception()):
                log.error("a look at %s broke off", order.node.address, exc_info=bug)
            self._note(key, look.observation(is_unfinished=task.cancelled()))

        task.add_done_callback(done)

    def _note(self, key: str, observation: Observation) -> None:
        self._observations[key] = observation
        self._seen(observation)

    async def _cancel_all(self) -> None:
        tasks = [task for _, task in self._looks.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _plan(
    plans: list[VisitPlan], pace: RoundTiming, hung: bool = False
) -> list[tuple[float, VisitPlan]]:
    """When each look begins: spread; else, and for nodes that hung, the oldest evidence first."""
    if pace.spread_seconds and not hung:
        timed = [(o.node.fraction() * pace.spread_seconds, o) for o in plans]
        return sorted(timed, key=lambda pair: pair[0])
    waiting = sorted(plans, key=lambda o: (o.evidence_at, o.node.hash))
    return [(i / pace.starts_per_second, o) for i, o in enumerate(waiting)]
