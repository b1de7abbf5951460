"""The service: rounds until it is asked to stop, and an end in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from collector.crawl.crawler import CrawlParts
from collector.crawl.gate import Gate
from collector.crawl.ports import RoundObserver, Sink
from collector.crawl.round import RoundResult
from collector.errors import DirectoryError
from collector.schema.measurements import MEASUREMENTS
from collector.service.run import Service
from collector.service.settings import Settings
from collector.state.tracker import NodeTracker
from collector.store import MemoryStore
from tests.support.crawl_fakes import Controls, Delivery, NodeSource, Prober, nodes


class Results(RoundObserver):
    """A queue of the rounds that were finished."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[RoundResult] = asyncio.Queue()

    def on_round(self, result: RoundResult) -> None:
        self.queue.put_nowait(result)


class FailingDelivery(Delivery):
    """A sink with a bug at its end."""

    async def finish(self, within_seconds: float) -> None:
        raise KeyError("a bug of ours")


def parts_of(source: NodeSource, sinks: Sequence[Sink] = ()) -> CrawlParts:
    return CrawlParts(
        nodes=source,
        prober=Prober(),
        controls=Controls(),
        gate=Gate(4),
        tracker=NodeTracker(),
        store=MemoryStore(MEASUREMENTS),
        vantage="here",
        shard="0",
        sinks=sinks,
    )


async def test_observers_hear_of_rounds_until_the_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first round runs at once and is handed on; asked to stop, the service ends in order."""
    results, sink, stop = Results(), Delivery(), asyncio.Event()
    parts = parts_of(NodeSource(nodes(3)), [sink])
    service = Service(Settings(data_dir=tmp_path), parts, [results])
    with caplog.at_level(logging.INFO):
        running = asyncio.create_task(service.run(stop))
        result = await results.queue.get()
        stop.set()
        await running
        assert not sink.finished
        await service.shutdown()
    assert result.receipt.stored
    assert sink.finished
    assert f"round {result.request.time}: 3 of 3 nodes reachable" in caplog.text
    assert caplog.messages[-1] == "stopped"


@pytest.mark.parametrize("supported", [True, False])
async def test_free_memory_is_given_back_after_each_round(
    supported: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is, where the system's allocator can; elsewhere rounds go on without."""
    trimmed = asyncio.Event()
    monkeypatch.delattr("psutil.heap_trim", raising=False)
    if supported:
        monkeypatch.setattr("psutil.heap_trim", trimmed.set, raising=False)
    results, stop = Results(), asyncio.Event()
    service = Service(Settings(data_dir=tmp_path), parts_of(NodeSource(nodes(3))), [results])
    running = asyncio.create_task(service.run(stop))
    assert (await results.queue.get()).receipt.stored
    stop.set()
    await running
    await service.shutdown()
    assert trimmed.is_set() is supported


async def test_a_sink_that_fails_at_the_end_costs_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its error is logged; the others get their last chance, and the service ends."""
    broken, sink, stop = FailingDelivery(), Delivery(), asyncio.Event()
    service = Service(Settings(data_dir=tmp_path), parts_of(NodeSource([]), [broken, sink]))
    stop.set()
    await service.run(stop)
    await service.shutdown()
    assert sink.finished
    assert "FailingDelivery failed to finish" in caplog.text
    assert "a bug of ours" in caplog.text


@pytest.mark.parametrize(
    ("source", "logged"),
    [
        pytest.param(
            NodeSource([], error=DirectoryError("no list", "Look at the API.")),
            "was not crawled: no list Look at the API.",
            id="no-list",
        ),
        pytest.param(
            replace(NodeSource([]), listed=None),  # type: ignore[arg-type]
            "broke off: a bug",
            id="a-bug",
        ),
    ],
)
async def test_a_round_that_fails_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, source: NodeSource, logged: str
) -> None:
    """A round without a list, or with a bug, is logged; the service goes on until the stop."""
    stop = asyncio.Event()
    service = Service(Settings(data_dir=tmp_path), parts_of(source))
    running = asyncio.create_task(service.run(stop))
    await source.asked.wait()
    stop.set()
    await running
    await service.shutdown()
    assert logged in caplog.text
