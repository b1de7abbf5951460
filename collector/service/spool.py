"""Work on the spool of a data directory while no collector uses it: replay and purge."""

from __future__ import annotations

from dataclasses import dataclass

from collector.model.batch import BatchLimits
from collector.model.queue import Backlog
from collector.model.store_report import StoreReport
from collector.schema.measurements import MEASUREMENTS
from collector.service.settings import Settings
from collector.service.wiring import open_delivery, spool_limits
from collector.store import EmbeddedStore, Reader


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What became of the points that waited."""

    waited: Backlog
    """Before, with the rejected lines that were queued again."""
    report: StoreReport
    """What InfluxDB did with them."""
    left: Backlog
    """What still waits."""
    problem: str
    """Why something still waits; empty if nothing does."""
    retried_lines: int = 0
    """Rejected lines that were queued again."""


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What was deleted."""

    points: int
    """That waited for delivery."""
    rejected_lines: int


async def replay_spool(settings: Settings, *, with_rejected: bool) -> ReplayReport:
    """Deliver what waits, once.

    Raise LockedError while a collector uses the data directory, another DataDirectoryError if
    there is no store, ConfigurationError without a database in the settings.
    """
    retried = 0
    async with await _open(settings) as store:
        async with open_delivery(settings, store) as delivery:
            if with_rejected:
                spooled = spool_limits(settings)
                limits = spooled.batch if spooled else BatchLimits()
                retried = await store.retry_rejected(limits)
            waited = await store.backlog()
            left = await delivery.finish(None)
            report = await delivery.report(0, 0)
        problem = delivery.status.problem if left.batches else ""
        return ReplayReport(waited, report, left, problem, retried)


async def purge_spool(
    settings: Settings, before: int | None, *, with_rejected: bool
) -> PurgeReport:
    """Delete what waits: rounds before a time in seconds since 1970, or all if None.

    Raise LockedError while a collector uses the data directory, another DataDirectoryError if
    there is no store.
    """
    async with await _open(settings) as store:
        points = await store.purge_spool(before)
        lines = await store.purge_rejected() if with_rejected else 0
        return PurgeReport(points, lines)


async def _open(settings: Settings) -> EmbeddedStore:
    """Open the store for writing; unlike the collector, do not create one."""
    with Reader(settings.data_dir):
        pass
    return await EmbeddedStore.open(settings.data_dir, MEASUREMENTS, settings.store.kept_days)
