"""Crawls healthy nodes beside hostile ones, round after round, and compares with the truth."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil
from pydantic import TypeAdapter

from bench.usage import cpu_seconds, sampling
from collector.crawl.crawler import Crawler
from collector.crawl.round import RoundRequest, RoundTiming
from collector.model.status import NodeStatus
from collector.schema.measurements import Collector
from collector.service.load_settings import load_settings
from collector.service.settings import Settings
from collector.service.wiring import open_parts
from crn_simulator.script.fault import Fault
from crn_simulator.truth.node_truth import NodeTruth

START: Final = 1_800_000_000
CONFIG_FILE: Final = "crn.toml"
TRUTH_FILE: Final = "truth.json"
_INTERVAL: Final = 60


@dataclass(frozen=True, slots=True)
class Figures:
    """One round.

    healthy_judged: healthy nodes of which everything that was recorded is true: that they are
    reachable and up, their version, their usage with its GPUs, and IPv6 where it was measured.
    healthy_blamed: those that were recorded as failed, by their own fault; ipv6_measured: those
    whose IPv6 is known. failures: of the other nodes. open_visits, rss_bytes: when most descriptors
    were open, and by how much memory had grown then. late_seconds, worst_seconds: of the event
    loop, in sum within 5 seconds and at once.
    """

    healthy: int
    healthy_judged: int
    healthy_blamed: int
    ipv6_measured: int
    hostile: int
    failures: dict[str, int]
    vantage: str
    seconds: float
    cpu_seconds: float
    late_seconds: float
    worst_seconds: float
    open_visits: int
    rss_bytes: int


async def crawl(folder: Path, rounds: int, timeout_seconds: float) -> list[Figures]:
    """Crawl as the service does, but round upon round at once; IPv6 is due in every round."""
    settings = load_settings(folder / CONFIG_FILE, data_dir=folder / "data")
    # less than a setting may be: the slow check is to be judged while the others attack
    limits = {"ipv6_interval_seconds": _INTERVAL, "timeout_seconds": timeout_seconds}
    limits["connect_timeout_seconds"] = min(timeout_seconds, settings.probe.connect_timeout_seconds)
    limits["diagnostic_timeout_seconds"] = timeout_seconds * 3
    probe = settings.probe.model_copy(update=limits)
    settings = settings.model_copy(update={"probe": probe})
    truths = TypeAdapter(dict[str, NodeTruth]).validate_json((folder / TRUTH_FILE).read_bytes())
    async with open_parts(settings) as parts:
        await parts.nodes.listing()
        crawler = Crawler(parts)
        requests = [
            RoundRequest(START + number * _INTERVAL, _at_once(settings)) for number in range(rounds)
        ]
        return [await _measure(crawler, request, truths) for request in requests]


async def _measure(
    crawler: Crawler, request: RoundRequest, truths: Mapping[str, NodeTruth]
) -> Figures:
    cpu, started = cpu_seconds(), time.perf_counter()
    samples = [_descriptors_and_memory()]
    async with sampling(lambda: samples.append(_descriptors_and_memory()), seconds=0.25):
        done = await crawler.round(request)
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    (fds, rss_bytes), (most_fds, most_rss_bytes) = samples[0], max(samples)
    own = next(point for point in done.points if isinstance(point, Collector))
    healthy = [s for s in done.judged.statuses if _is_healthy(truths, s)]
    others = [s for s in done.judged.statuses if not _is_healthy(truths, s)]
    return Figures(
        healthy=sum(truth.cause is Fault.NONE for truth in truths.values()),
        healthy_judged=sum(is_true(status, truths[status.node.hash]) for status in healthy),
        healthy_blamed=sum(status.failure.counts_against_node for status in healthy),
        ipv6_measured=sum(status.ipv6_ok is not None for status in healthy),
        hostile=len(others),
        failures=dict(Counter(str(status.failure) for status in others)),
        vantage=str(done.judged.reason),
        seconds=seconds,
        cpu_seconds=cpu,
        late_seconds=own.loop_late_seconds or 0.0,
        worst_seconds=own.loop_lag_seconds or 0.0,
        open_visits=most_fds - fds,
        rss_bytes=most_rss_bytes - rss_bytes,
    )


def _is_healthy(truths: Mapping[str, NodeTruth], status: NodeStatus) -> bool:
    truth = truths.get(status.node.hash)
    return truth is not None and truth.cause is Fault.NONE


def is_true(status: NodeStatus, truth: NodeTruth) -> bool:
    """Return whether everything that a round says of a healthy node is true."""
    observation = status.observation
    if observation is None or not observation.reachable or status.up is not True:
        return False
    ipv6 = status.ipv6_ok is None or (truth.ipv6 is not None and status.ipv6_ok is truth.ipv6.ok)
    return ipv6 and observation.version == truth.version and _is_usage_true(status, truth)


def _is_usage_true(status: NodeStatus, truth: NodeTruth) -> bool:
    read = status.observation.usage if status.observation else None
    true = truth.usage
    if read is None or true is None:
        return read is None and true is None
    totals = (read.cpu_count, read.mem_total_bytes, read.disk_total_bytes)
    cards = None if read.gpus is None else Counter(gpu.device_id for gpu in read.gpus)
    free = sum(count.available for count in status.gpus.values())
    true_cards: Counter[str] | None = None
    if true.gpus is not None:
        true_cards = Counter()
        for kind in true.gpus:
            true_cards[kind.device_id] += kind.total
    true_free = sum(kind.total - kind.used for kind in true.gpus or ())
    return (totals, cards, free) == (
        (true.cpu_count, true.mem_total_bytes, true.disk_total_bytes),
        true_cards,
        true_free,
    )


def _descriptors_and_memory() -> tuple[int, int]:
    process = psutil.Process()
    return process.num_fds(), process.memory_info().rss


def _at_once(settings: Settings) -> RoundTiming:
    return RoundTiming(0, settings.rounds.deadline_seconds)


def write_truth(folder: Path, truths: list[NodeTruth]) -> None:
    """Write the truth of every node for the process that crawls."""
    document = {truth.node: asdict(truth) for truth in truths}
    (folder / TRUTH_FILE).write_text(json.dumps(document), encoding="utf-8")
