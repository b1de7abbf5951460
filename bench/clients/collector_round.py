"""This collector: a complete round with DNS, visits, state, points and store.

The first round, which is not spread and writes all slow facts, is the warm-up; it covers every
node.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import AsyncIterator
from typing import Final

from bench.clients.client import Client, NodeResult, Outcome
from bench.clients.fleet import CONFIG_FILE, PATHS, Fleet
from collector.crawl.crawler import Crawler
from collector.crawl.round import RoundRequest, RoundResult, RoundTiming
from collector.model.status import NodeStatus
from collector.service.load_settings import load_settings
from collector.service.wiring import open_parts

START: Final = 1_800_000_000


@contextlib.asynccontextmanager
async def open_client(fleet: Fleet) -> AsyncIterator[Client]:
    """Open the collector's parts, with a store that no other process has."""
    store = fleet.folder / f"store-{os.getpid()}"
    settings = load_settings(fleet.folder / CONFIG_FILE, data_dir=store)
    rounds = settings.rounds
    times = itertools.count(START, rounds.interval_seconds)
    after_spread = rounds.deadline_seconds - rounds.spread_seconds
    async with open_parts(settings) as parts:
        crawler = Crawler(parts)

        async def crawl(seconds: float) -> RoundResult:
            deadline = max(rounds.deadline_seconds, seconds + after_spread)
            return await crawler.round(RoundRequest(next(times), RoundTiming(seconds, deadline)))

        async def results(seconds: float) -> list[NodeResult]:
            found = await crawl(seconds)
            return [node_result(status) for status in found.judged.statuses]

        yield Client(lambda: crawl(0.0), results, os.getpid())


def node_result(status: NodeStatus) -> NodeResult:
    """Return what a judged round says of a node: failed is only what counts against it."""
    probes = status.observation.probes if status.observation else ()
    answers = sum(probe.answered and probe.endpoint in PATHS for probe in probes)
    outcome = Outcome.UNJUDGED
    if status.observation and status.observation.reachable:
        outcome = Outcome.REACHABLE
    elif status.failure.counts_against_node:
        outcome = Outcome.FAILED
    return NodeResult(status.node.hash, outcome, answers, len(PATHS))
