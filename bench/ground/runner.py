"""Runs the rounds of a scenario: scripted, in a process that may be killed, or live."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bench.ground.live_rounds import Limits, settings_of
from bench.ground.round_log import STATE_KEY, RoundLog
from bench.ground.scenario import INTERVAL, Scenario, Step
from bench.ground.scripted_ports import ScriptedPorts
from collector.crawl.crawler import Crawler, CrawlParts
from collector.crawl.gate import Gate
from collector.crawl.round import RoundRequest, RoundTiming
from collector.schema.measurements import MEASUREMENTS
from collector.service.event_loop import run_async
from collector.service.wiring import open_parts
from collector.state.rules import Rules
from collector.state.tracker import NodeTracker
from collector.store import EmbeddedStore
from crn_simulator.script.seeded_random import fraction
from crn_simulator.server.network import NetworkOptions
from crn_simulator.server.worker import NetworkWorker, raise_descriptor_limit

LOG_FILE: Final = "rounds.jsonl"
_RETENTION_DAYS: Final = 400
_AT_ONCE: Final = RoundTiming(0, INTERVAL - 1, starts_per_second=math.inf)
_RUN_ROUNDS: Final = 9
"""The mean number of rounds until the process is stopped or killed."""
_SPIN_LOOPS: Final = 400_000


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a scenario was run: rounds committed, and how often its process was stopped or killed."""

    rounds: int = 0
    stops: int = 0
    kills: int = 0


def run_scripted(scenario: Scenario, folder: Path, on_round: Callable[[int], None]) -> RunSummary:
    """Run all rounds, in processes that are stopped or killed (`kill -9`) every few rounds."""
    context = multiprocessing.get_context("spawn")
    kills = stops = run = 0
    last = len(scenario.steps) - 1
    done = -1
    while done < last:
        ours, theirs = context.Pipe()
        is_killed = fraction(scenario.seed, run, "dies") < 0.7
        lost = int(fraction(scenario.seed, run, "lost") * 2.5) if run else 0
        count = 1 + int(2 * _RUN_ROUNDS * fraction(scenario.seed, run, "rounds"))
        until = last if is_killed else min(last, done + lost + count)
        process = context.Process(
            target=_run_in_child, args=(scenario, folder, lost, until, theirs)
        )
        process.start()
        theirs.close()
        played = 0
        while (number := _next_round(ours)) is not None:
            done, played = number, played + 1
            on_round(number)
            if is_killed and played >= count and done < last:
                _spin(scenario.seed, run)
                process.kill()
                kills += 1
                break
        process.join()
        if process.exitcode not in (0, -9):
            raise RuntimeError(f"the collector ended with {process.exitcode}")
        ours.close()
        stops += not is_killed
        run += 1
    return RunSummary(done + 1, stops, kills)


def _next_round(connection: Connection) -> int | None:
    try:
        number: int = connection.recv()
    except EOFError:
        return None
    return number


def _spin(seed: int, run: int) -> None:
    """Busy-wait for up to some milliseconds, so that kills come at any point of a round."""
    for _ in range(int(fraction(seed, run, "spin") * _SPIN_LOOPS)):
        pass


def _run_in_child(
    scenario: Scenario, folder: Path, lost: int, until: int, connection: Connection
) -> None:
    run_async(_rounds(scenario, folder, lost, until, connection))


async def _rounds(
    scenario: Scenario, folder: Path, lost: int, until: int, connection: Connection
) -> None:
    """Run the rounds after the last committed one and the `lost` ones, up to `until`."""
    ports = ScriptedPorts(scenario)
    async with await EmbeddedStore.open(folder, MEASUREMENTS, _RETENTION_DAYS) as store:
        entries = await store.load_state()
        after = int(entries.get(STATE_KEY, b"-1"))
        round_log = RoundLog(store, folder / LOG_FILE)
        round_log.resume(after)
        parts = CrawlParts(
            nodes=ports,
            prober=ports,
            controls=ports,
            gate=Gate(256),
            tracker=NodeTracker.load(Rules(interval_seconds=INTERVAL), entries),
            store=round_log,
            vantage="default",
            shard="0",
        )
        crawler = Crawler(parts, [round_log])
        first = min(after + 1 + lost, len(scenario.steps) - 1)
        for step in scenario.steps[first : until + 1]:
            ports.step = step
            round_log.begin(step.number)
            await crawler.round(RoundRequest(step.clock, _AT_ONCE))
            connection.send(step.number)


async def run_live(scenario: Scenario, folder: Path, on_round: Callable[[int], None]) -> RunSummary:
    """Run all rounds against a network on real sockets; the collector is restarted at times."""
    raise_descriptor_limit()
    limits = Limits()
    stops = 0
    todo = list(scenario.steps)
    async with NetworkWorker(scenario.script, NetworkOptions(scenario.steps[0].at)) as network:
        settings = settings_of(network, folder, limits.settings(1024, INTERVAL))
        timing = RoundTiming(0, settings.rounds.deadline_seconds)
        while todo:
            count = 1 + int(2 * _RUN_ROUNDS * fraction(scenario.seed, stops, "rounds"))
            batch, todo = todo[:count], todo[count:]
            async with open_parts(settings) as parts:
                round_log = RoundLog(parts.store, folder / LOG_FILE)
                crawler = Crawler(replace(parts, store=round_log), [round_log])
                for step in batch:
                    await _run_live_round(network, crawler, round_log, step, timing)
                    on_round(step.number)
            stops += 1
    return RunSummary(len(scenario.steps), stops - 1)


async def _run_live_round(
    network: NetworkWorker, crawler: Crawler, round_log: RoundLog, step: Step, timing: RoundTiming
) -> None:
    await network.set_time(step.at)
    round_log.begin(step.number)
    await crawler.round(RoundRequest(step.clock, timing))
    await asyncio.sleep(0)
