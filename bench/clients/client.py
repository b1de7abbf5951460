"""What a client is: it crawls the fleet once, and says what it found of each node."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from bench.clients.fleet import Fleet, Target

TIMEOUT_SECONDS: Final = 10.0
"""Of a request, or of a visit where a client knows visits: as the collector's."""
CONNECT_SECONDS: Final = 5.0
LIMIT_SECONDS: Final = 300.0
"""Of a round: five times what passes between two of the collector's."""

T = TypeVar("T")


class Who(StrEnum):
    """The clients that are compared."""

    COLLECTOR = "collector"
    AIOHTTP = "aiohttp"
    AIOHTTP_ADDRESSES = "aiohttp_addresses"
    HTTPX = "httpx"
    BLACKBOX = "blackbox_exporter"
    SHARED_SESSION = "shared_session"
    SESSION_PER_REQUEST = "session_per_request"


class Outcome(StrEnum):
    """What a client calls a node after a round."""

    REACHABLE = "reachable"
    FAILED = "failed"
    UNJUDGED = "unjudged"
    """It says that it could not tell, for reasons of its own."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What a client found of one node. `answers`: complete ones, of those that it `asked` for."""

    node: str
    outcome: Outcome
    answers: int
    asked: int


@dataclass(frozen=True, slots=True)
class Client:
    """A client that is ready to crawl.

    warm_up: crawls some healthy nodes, or all, before anything is measured.
    crawl: crawls all nodes, begun within so many seconds if the client knows how to spread them.
    pid: the process that does the work and is measured.
    """

    warm_up: Callable[[], Awaitable[object]]
    crawl: Callable[[float], Awaitable[Sequence[NodeResult]]]
    pid: int


OpenClient = Callable[[Fleet], AbstractAsyncContextManager[Client]]
Visit = Callable[[Target], Coroutine[Any, Any, int]]
"""Asks one node; returns how many complete answers came."""


def client_of(fleet: Fleet, visit: Visit, asked: int, *, spreads: bool) -> Client:
    """Return a client of this process that makes one visit to each node.

    spreads: visits are begun one after another within the seconds given; otherwise all at once.
    """

    async def crawl(targets: Sequence[Target], seconds: float) -> list[NodeResult]:
        found = await run_spread(visit, targets, seconds if spreads else 0.0)
        return [
            node_result(target, answers, asked)
            for target, answers in zip(targets, found, strict=True)
        ]

    return Client(
        warm_up=lambda: crawl(fleet.warm_up_targets(), 1.0),
        crawl=lambda seconds: crawl(fleet.targets, seconds),
        pid=os.getpid(),
    )


def node_result(target: Target, answers: int, asked: int) -> NodeResult:
    """Return the result of a node of which only answers are known: one is enough."""
    outcome = Outcome.REACHABLE if answers else Outcome.FAILED
    return NodeResult(target.node, outcome, answers, asked)


async def run_spread(
    ask: Callable[[T], Coroutine[Any, Any, int]], items: Iterable[T], seconds: float
) -> list[int]:
    """Begin all within so many seconds, at an even rate; return what each gave, in order.

    What is unfinished at the limit of a round is ended, and gives 0.
    """
    loop = asyncio.get_running_loop()
    start = loop.time()
    waiting = list(items)
    tasks: list[asyncio.Task[int]] = []
    for number, item in enumerate(waiting):
        wait_seconds = start + number * seconds / len(waiting) - loop.time()
        if wait_seconds > 0:
            await asyncio.sleep(wait_seconds)
        tasks.append(loop.create_task(ask(item)))
    _, unfinished = await asyncio.wait(tasks, timeout=start + LIMIT_SECONDS - loop.time())
    for task in unfinished:
        task.cancel()
    if unfinished:
        await asyncio.wait(unfinished)
    return [0 if task in unfinished else task.result() for task in tasks]
