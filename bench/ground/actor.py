"""Plays the rounds of a story: by the script in a process that may be killed, or by dialling."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bench.ground.dialled import Limits, settings_of
from bench.ground.diary import MARK, Diary
from bench.ground.scripted import Scripted
from bench.ground.storyline import INTERVAL, Step, Storyline
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

DIARY: Final = "diary.jsonl"
_RETENTION_DAYS: Final = 400
_AT_ONCE: Final = RoundTiming(0, INTERVAL - 1, starts_per_second=math.inf)
_SHIFT_ROUNDS: Final = 9
"""About so many rounds are played until the process is stopped or killed."""
_SPIN: Final = 400_000


@dataclass(frozen=True, slots=True)
class Played:
    """How a story was played: rounds committed, and how often its process ended in which way."""

    rounds: int = 0
    stops: int = 0
    kills: int = 0


def play_scripted(story: Storyline, folder: Path, told: Callable[[int], None]) -> Played:
    """All rounds, in processes that are stopped or killed (`kill -9`) every few rounds."""
    context = multiprocessing.get_context("spawn")
    kills = stops = shift = 0
    last = len(story.steps) - 1
    done = -1
    while done < last:
        ours, theirs = context.Pipe()
        dies = fraction(story.seed, shift, "dies") < 0.7
        lost = int(fraction(story.seed, shift, "lost") * 2.5) if shift else 0
        count = 1 + int(2 * _SHIFT_ROUNDS * fraction(story.seed, shift, "rounds"))
        until = last if dies else min(last, done + lost + count)
        process = context.Process(target=_act, args=(story, folder, lost, until, theirs))
        process.start()
        theirs.close()
        played = 0
        while (number := _heard(ours)) is not None:
            done, played = number, played + 1
            told(number)
            if dies and played >= count and done < last:
                _spin(story.seed, shift)
                process.kill()
                kills += 1
                break
        process.join()
        if process.exitcode not in (0, -9):
            raise RuntimeError(f"the collector ended with {process.exitcode}")
        ours.close()
        stops += not dies
        shift += 1
    return Played(done + 1, stops, kills)


def _heard(connection: Connection) -> int | None:
    try:
        number: int = connection.recv()
    except EOFError:
        return None
    return number


def _spin(seed: int, shift: int) -> None:
    """Let up to some milliseconds pass, so that kills fall anywhere into a round."""
    for _ in range(int(fraction(seed, shift, "spin") * _SPIN)):
        pass


def _act(story: Storyline, folder: Path, lost: int, until: int, connection: Connection) -> None:
    run_async(_rounds(story, folder, lost, until, connection))


async def _rounds(
    story: Storyline, folder: Path, lost: int, until: int, connection: Connection
) -> None:
    """The rounds after the last committed one and those that are lost, up to `until`."""
    scripted = Scripted(story)
    async with await EmbeddedStore.open(folder, MEASUREMENTS, _RETENTION_DAYS) as store:
        entries = await store.load_state()
        after = int(entries.get(MARK, b"-1"))
        diary = Diary(store, folder / DIARY)
        diary.resume(after)
        parts = CrawlParts(
            nodes=scripted,
            prober=scripted,
            controls=scripted,
            gate=Gate(256),
            tracker=NodeTracker.load(Rules(interval_seconds=INTERVAL), entries),
            store=diary,
            vantage="default",
            shard="0",
        )
        crawler = Crawler(parts, [diary])
        first = min(after + 1 + lost, len(story.steps) - 1)
        for step in story.steps[first : until + 1]:
            scripted.step = step
            diary.begin(step.number)
            await crawler.round(RoundRequest(step.clock, _AT_ONCE))
            connection.send(step.number)


async def play_dialled(story: Storyline, folder: Path, told: Callable[[int], None]) -> Played:
    """All rounds against a network that is really there; the collector is restarted at times."""
    raise_descriptor_limit()
    limits = Limits()
    stops = 0
    todo = list(story.steps)
    async with NetworkWorker(story.script, NetworkOptions(story.steps[0].at)) as network:
        settings = settings_of(network, folder, limits.settings(1024, INTERVAL))
        pace = RoundTiming(0, settings.rounds.deadline_seconds)
        while todo:
            count = 1 + int(2 * _SHIFT_ROUNDS * fraction(story.seed, stops, "rounds"))
            shift, todo = todo[:count], todo[count:]
            async with open_parts(settings) as parts:
                diary = Diary(parts.store, folder / DIARY)
                crawler = Crawler(replace(parts, store=diary), [diary])
                for step in shift:
                    await _dial(network, crawler, diary, step, pace)
                    told(step.number)
            stops += 1
    return Played(len(story.steps), stops - 1)


async def _dial(
    network: NetworkWorker, crawler: Crawler, diary: Diary, step: Step, pace: RoundTiming
) -> None:
    await network.set_time(step.at)
    diary.begin(step.number)
    await crawler.round(RoundRequest(step.clock, pace))
    await asyncio.sleep(0)
