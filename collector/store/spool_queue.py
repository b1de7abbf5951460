"""What the store knows of its spool besides the file: acknowledgements that the disk still lacks.

Holds no connection: every method that touches the file takes the writer of whoever holds it, and
may raise sqlite3.Error. Belongs to the store's thread.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from collector.model.batch import BatchLimits
from collector.model.queue import Ack, QueuedBatch
from collector.store import spool
from collector.store.spool import SpoolLimits
from collector.store.writer import Writer, transaction

log = logging.getLogger(__name__)


class SpoolQueue:
    """The spool of one store, bounded by `limits`; None if rounds are sent nowhere."""

    def __init__(self, limits: SpoolLimits | None) -> None:
        self._limits = limits
        self._unwritten: dict[int, Ack] = {}
        self._overflowing = False

    @property
    def batch_limits(self) -> BatchLimits | None:
        """How large a batch may be; None if rounds are sent nowhere."""
        return self._limits.batch if self._limits else None

    @property
    def has_unwritten_acks(self) -> bool:
        """Whether the file lacks an acknowledgement."""
        return bool(self._unwritten)

    def take(self, writer: Writer, newest: bool, without: Collection[int]) -> QueuedBatch | None:
        """Return a batch as `spool.take` does; one that was acknowledged is not given again."""
        return spool.take(writer.connection, newest, {*without, *self._unwritten})

    def acknowledge(self, ack: Ack) -> None:
        """Remember what became of a batch until `write_acks` has written it."""
        self._unwritten[ack.id] = ack

    def write_acks(self, writer: Writer) -> None:
        """Write every acknowledgement that the file lacks, in one transaction."""
        writer.acknowledge(list(self._unwritten.values()))
        self._unwritten.clear()

    def trim(self, writer: Writer, newest: int) -> int:
        """Drop the oldest rounds beyond the limits, seen from the newest round.

        Returns how many points were dropped, and warns when it begins to drop.
        """
        if self._limits is None:
            return 0
        if self._unwritten:
            self.write_acks(writer)
        with transaction(writer.connection):
            dropped = spool.trim(writer.connection, newest, self._limits)
        if dropped and not self._overflowing:
            log.warning(
                "spool full (%d MiB or %g days): oldest rounds dropped, %d points now; "
                "points_dropped of collector_store counts them",
                self._limits.bytes // 2**20,
                self._limits.days,
                dropped,
            )
        self._overflowing = dropped > 0
        return dropped
