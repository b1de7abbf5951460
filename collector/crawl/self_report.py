"""The points that a round carries about the collector itself and its stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from collector.crawl.ports import RoundObserver, Sink
from collector.crawl.round import RoundRequest, RoundResult
from collector.crawl.round_points import OwnReport
from collector.loop_lag import LoopLag
from collector.model.observation import Observation
from collector.model.store_report import Receipt, StoreReport
from collector.schema.build import CollectorFigures, RoundKey, store_point


@dataclass(frozen=True, slots=True)
class RoundMeasurement:
    """What was measured of a round that is about to be stored."""

    seconds: float
    """From its start until now."""
    lag: LoopLag
    """Of its visits."""
    overran: bool


class SelfReport(RoundObserver):
    """Counts the probes of each round, and remembers the receipt of the one before."""

    def __init__(
        self, vantage: str, shard: str, sinks: Sequence[Sink], instance: str | None = None
    ) -> None:
        self._vantage = vantage
        self._shard = shard
        self._sinks = sinks
        self._instance = instance
        self._probes = 0
        self._receipt: Receipt | None = None

    def on_start(self, request: RoundRequest, nodes: int) -> None:
        """Count anew."""
        self._probes = 0

    def on_observation(self, observation: Observation) -> None:
        """Count its probes."""
        self._probes += len(observation.probes)

    def on_round(self, result: RoundResult) -> None:
        """Remember how the store took the round, for the next one."""
        self._receipt = result.receipt

    async def report(self, request: RoundRequest, measured: RoundMeasurement) -> OwnReport:
        """Return the collector's figures and a point for each of its stores.

        The embedded store is reported as of the round before (none before the first), others as
        they are now.
        """
        key = RoundKey(request.time, self._vantage, self._shard)
        reports = await self._store_reports(request.time)
        rss_bytes, open_fds = own_resources()
        figures = CollectorFigures(
            round_seconds=measured.seconds,
            loop_lag_seconds=measured.lag.worst_seconds,
            loop_late_seconds=measured.lag.most_late_seconds,
            probes=self._probes,
            rounds_skipped=request.skipped,
            rounds_missed=request.missed,
            overran=measured.overran,
            rss_bytes=rss_bytes,
            open_fds=open_fds,
            instance=self._instance,
        )
        return OwnReport(key, figures, tuple(store_point(key, report) for report in reports))

    async def _store_reports(self, time: int) -> list[StoreReport]:
        own = [StoreReport.of(self._receipt)] if self._receipt else []
        unsent = self._receipt.unsent if self._receipt else 0
        return own + [await sink.report(time, unsent) for sink in self._sinks]


def own_resources() -> tuple[int | None, int | None]:
    """Return resident bytes and open descriptors of this process; None where the system hides it.

    In a container without `/proc` there is neither, and Windows has no descriptors to count.
    """
    return _own(lambda process: process.memory_info().rss), _own(lambda p: p.num_fds())


def _own(figure: Callable[[psutil.Process], int]) -> int | None:
    """Return a figure of this process; None if it cannot be had, for whatever reason."""
    try:
        return figure(psutil.Process())
    except (psutil.Error, OSError, AttributeError):
        return None
