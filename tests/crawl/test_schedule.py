"""Rounds at wall-clock multiples; the clock that names them is injected where it can be."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from collector.crawl import schedule as module
from collector.crawl.schedule import Schedule, ScheduledRound
from collector.times import round_time

pytestmark = pytest.mark.asyncio(loop_factories=["real"])


@dataclass
class Rounds:
    """What was called, and rounds that last until they are let go."""

    calls: list[tuple[int, bool]] = field(default_factory=list)
    called: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    hold: asyncio.Event | None = None
    ended: int = 0
    cancelled: int = 0

    async def crawl(self, due: ScheduledRound) -> bool:
        self.calls.append((due.time, due.first))
        self.called.put_nowait(due.time)
        try:
            if self.hold:
                await self.hold.wait()
            self.ended += 1
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return True


async def take(rounds: Rounds, count: int) -> None:
    """Wait for so many calls."""
    async with asyncio.timeout(10):
        for _ in range(count):
            await rounds.called.get()


async def stop(schedule: Schedule, running: asyncio.Task[None], event: asyncio.Event) -> None:
    event.set()
    await running
    await schedule.finish(2)


def begin(schedule: Schedule) -> tuple[asyncio.Task[None], asyncio.Event]:
    event = asyncio.Event()
    return asyncio.create_task(schedule.run(event)), event


async def test_first_round_at_once_and_later_ones_on_multiples() -> None:
    """The first round runs under the multiple just passed, and does not shift those after it."""
    rounds = Rounds()
    asked: list[float] = []

    def clock() -> float:
        asked.append(time.time())
        return asked[-1]

    schedule = Schedule(1, rounds.crawl, clock=clock)
    running, event = begin(schedule)
    await take(rounds, 3)
    due = schedule._scheduler.get_job("round").next_run_time.timestamp()
    await stop(schedule, running, event)
    first, *later = rounds.calls
    assert first[0] in {round_time(at, 1) for at in asked[:2]}
    assert first[1]
    assert later == [(first[0] + 1 + i, False) for i in range(len(later))]
    assert due == round_time(due, 1)


async def test_the_round_that_is_held_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    """After a restart within the interval the stored round stays, the next is waited for."""
    rounds = Rounds()
    clock = lambda: 1_700_000_050.0  # noqa: E731
    schedule = Schedule(60, rounds.crawl, last_round=1_700_000_040, clock=clock)
    with caplog.at_level(logging.INFO):
        running, event = begin(schedule)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await stop(schedule, running, event)
    assert rounds.calls == []
    assert "stored already; the next one is at 1700000100" in caplog.text


async def test_an_older_round_is_no_reason_to_wait() -> None:
    """After a longer pause the first round runs at once."""
    rounds = Rounds()
    schedule = Schedule(60, rounds.crawl, 1_699_999_980, clock=lambda: 1_700_000_050.0)
    running, event = begin(schedule)
    await take(rounds, 1)
    await stop(schedule, running, event)
    assert rounds.calls == [(1_700_000_040, True)]


async def test_rounds_never_overlap_and_skipped_ones_are_counted() -> None:
    """While one round runs the next ones are skipped and counted, not missed."""
    rounds = Rounds(hold=asyncio.Event())
    seen: list[tuple[int, int]] = []

    async def crawl(due: ScheduledRound) -> bool:
        seen.append((due.skipped, due.missed))
        return await rounds.crawl(due)

    now = [1_700_000_040.0]
    schedule = Schedule(60, crawl, clock=lambda: now[0])
    running, event = begin(schedule)
    await take(rounds, 1)
    for _ in range(2):
        now[0] += 60
        await schedule._tick()
    assert len(rounds.calls) == 1
    assert rounds.hold
    rounds.hold.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    now[0] += 60
    await schedule._tick()
    now[0] += 60
    await schedule._tick()
    await stop(schedule, running, event)
    assert [at for at, _ in rounds.calls] == [1_700_000_040, 1_700_000_220, 1_700_000_280]
    assert seen == [(0, 0), (2, 0), (0, 0)]


@pytest.mark.parametrize(
    ("step", "slept", "missed", "at"),
    [
        pytest.param(60, 60, 0, 1_700_000_100, id="in-time"),
        pytest.param(59.6, 59.6, 0, 1_700_000_100, id="a-little-early"),
        pytest.param(300, 300, 4, 1_700_000_340, id="asleep"),
        pytest.param(86_400 * 20_000, 60, 0, 3_428_000_040, id="stepped-from-1970"),
        pytest.param(-600, 60, 0, 1_699_999_440, id="stepped-backwards"),
        pytest.param(10, 10, None, None, id="same-multiple"),
    ],
)
async def test_missed_rounds(step: float, slept: float, missed: int | None, at: int | None) -> None:
    """Multiples that passed with nobody running are counted; a step of the clock counts none."""
    rounds = Rounds()
    seen: list[int] = []

    async def crawl(due: ScheduledRound) -> bool:
        seen.append(due.missed)
        return await rounds.crawl(due)

    now, up = [1_700_000_040.0], [5.0]
    schedule = Schedule(60, crawl, clock=lambda: now[0], uptime=lambda: up[0])
    running, event = begin(schedule)
    await take(rounds, 1)
    await asyncio.sleep(0)
    now[0] += step
    up[0] += slept
    await schedule._tick()
    await stop(schedule, running, event)
    assert seen[1:] == ([] if missed is None else [missed])
    assert [at for at, _ in rounds.calls[1:]] == ([] if at is None else [at])


@pytest.mark.parametrize("step", [3600.0, -3600.0], ids=["forwards", "backwards"])
async def test_a_clock_that_is_stepped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: float
) -> None:
    """A step of the clock is noticed, said, and the scheduler thinks anew; rounds go on."""
    monkeypatch.setattr(module, "_WATCH_SECONDS", 0.02)
    offset = [0.0]
    rounds = Rounds()
    schedule = Schedule(1, rounds.crawl, clock=lambda: time.time() + offset[0])
    anew = asyncio.Event()
    reschedule: Callable[..., object] = schedule._scheduler.reschedule_job

    def noted(*args: object, **kwargs: object) -> object:
        anew.set()
        return reschedule(*args, **kwargs)

    monkeypatch.setattr(schedule._scheduler, "reschedule_job", noted)
    running, event = begin(schedule)
    await take(rounds, 1)
    offset[0] = step
    async with asyncio.timeout(2):
        await anew.wait()
    await take(rounds, 1)
    await stop(schedule, running, event)
    assert f"stepped by {step:.0f} s" in caplog.text
    assert rounds.calls[-1][0] - rounds.calls[0][0] == pytest.approx(step, abs=3)


async def test_a_clock_that_is_not_set(caplog: pytest.LogCaptureFixture) -> None:
    """No round is crawled in 1970; when the clock is set, the next one is the first."""
    rounds = Rounds()
    now = [30.0]
    schedule = Schedule(60, rounds.crawl, clock=lambda: now[0])
    running, event = begin(schedule)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    now[0] = 1_700_000_040
    await schedule._tick()
    await stop(schedule, running, event)
    assert [at for at, _ in rounds.calls] == [1_700_000_040]
    assert "round 0 is not crawled: the clock of this machine is not set" in caplog.messages


async def test_stop_lets_the_round_finish() -> None:
    """The round under way is waited for, and ends by itself."""
    rounds = Rounds(hold=asyncio.Event())
    schedule = Schedule(60, rounds.crawl)
    running, event = begin(schedule)
    await take(rounds, 1)
    event.set()
    await running
    finishing = asyncio.create_task(schedule.finish(5))
    await asyncio.sleep(0)
    assert not finishing.done()
    assert rounds.hold
    rounds.hold.set()
    await finishing
    assert (rounds.ended, rounds.cancelled) == (1, 0)


@pytest.mark.parametrize("first", [True, False], ids=["first-round", "later-round"])
async def test_a_round_that_does_not_end_is_abandoned(
    caplog: pytest.LogCaptureFixture, first: bool
) -> None:
    """After its limit a round is cancelled, and has ended when `finish` returns."""
    rounds = Rounds(hold=asyncio.Event())
    held = None if first else round_time(time.time(), 1)
    schedule = Schedule(1, rounds.crawl, last_round=held)
    running, event = begin(schedule)
    await take(rounds, 1)
    event.set()
    await running
    await schedule.finish(0.05)
    assert (rounds.ended, rounds.cancelled) == (0, 1)
    assert "is abandoned" in caplog.text


async def test_no_round_begins_after_the_stop() -> None:
    """A stop that comes first, or a tick that comes after it, starts nothing."""
    rounds = Rounds()
    now = [1_700_000_040.0]
    schedule = Schedule(60, rounds.crawl, clock=lambda: now[0])
    event = asyncio.Event()
    event.set()
    await schedule.run(event)
    now[0] += 60
    await schedule._tick()
    await schedule.finish(1)
    assert rounds.calls == []


async def test_a_round_that_breaks_off_stops_no_other() -> None:
    """After an error the next round runs; what broke, and what was not kept, counts as missed."""
    seen: list[int] = []

    async def crawl(due: ScheduledRound) -> bool:
        seen.append(due.missed)
        if len(seen) == 2:
            raise RuntimeError("broken")
        return len(seen) != 3

    now = [1_700_000_040.0]
    schedule = Schedule(60, crawl, clock=lambda: now[0], uptime=lambda: now[0])
    running, event = begin(schedule)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    now[0] += 60
    with pytest.raises(RuntimeError):
        await schedule._tick()
    now[0] += 60
    await schedule._tick()
    now[0] += 60
    await schedule._tick()
    await stop(schedule, running, event)
    assert seen == [0, 0, 1, 2]


async def test_the_scheduler_ticks_while_a_round_runs() -> None:
    """APScheduler starts the job again while it runs, so that a skipped round is counted."""
    skipped = asyncio.Event()

    class Warned(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "is skipped: the one before is still running" in record.getMessage():
                skipped.set()

    handler = Warned()
    module.log.addHandler(handler)
    rounds = Rounds(hold=asyncio.Event())
    schedule = Schedule(1, rounds.crawl)
    running, event = begin(schedule)
    async with asyncio.timeout(10):
        await skipped.wait()
    module.log.removeHandler(handler)
    assert len(rounds.calls) == 1
    assert rounds.hold
    rounds.hold.set()
    await stop(schedule, running, event)
