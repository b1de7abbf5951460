"""The store's side of delivery: what may leave, what has left, and what waits too long.

Belongs to the store's thread. Trouble with the disk stops nothing here: what was settled
meanwhile is remembered, and written when the disk takes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from collector.model.batch import BatchLimits
from collector.model.queue import Ack, Backlog, QueuedBatch
from collector.store import spool
from collector.store.spool import SpoolLimits
from collector.store.writer import Writer, transaction

log = logging.getLogger(__name__)

Try = Callable[[Callable[[Writer], None]], bool]
"""Does something with the file; False if the disk does not take it."""


class SpoolQueue:
    """The spool of an open file."""

    def __init__(self, spool_limits: SpoolLimits | None, attempt: Try) -> None:
        self._spooling = spool_limits
        self._try = attempt
        self._unsettled: dict[int, Ack] = {}
        self._overflows = False

    @property
    def cut(self) -> BatchLimits | None:
        """How rounds are cut into pieces; None if they go nowhere."""
        return self._spooling.cut if self._spooling else None

    def take(self, newest: bool, without: Collection[int]) -> QueuedBatch | None:
        """A piece that waits for delivery; None if none does or the disk gives none."""
        found: list[QueuedBatch | None] = []
        passed = {*without, *self._unsettled}
        self._try(lambda writer: found.append(spool.take(writer.connection, newest, passed)))
        return found[0] if found else None

    def settle(self, settlement: Ack) -> None:
        """Take a piece out, or remember to."""
        self._unsettled[settlement.id] = settlement
        self.catch_up()

    def catch_up(self) -> bool:
        """Write what was settled while the disk took nothing; False if it still takes nothing."""
        if not self._unsettled:
            return True
        settlements = list(self._unsettled.values())
        if not self._try(lambda writer: writer.settle(settlements)):
            return False
        self._unsettled.clear()
        return True

    def backlog(self) -> Backlog:
        """What waits for delivery; nothing, if the disk does not say."""
        found: list[Backlog] = []
        self._try(lambda writer: found.append(spool.backlog(writer.connection)))
        return found[0] if found else Backlog()

    def trim(self, newest: int) -> int:
        """Keep the spool within its limits; how many points that cost. Warns once."""
        spool_limits = self._spooling
        if spool_limits is None or not self.catch_up():
            return 0
        dropped = 0

        def step(writer: Writer) -> None:
            nonlocal dropped
            with transaction(writer.connection):
                dropped = spool.trim(writer.connection, newest, spool_limits)

        if not self._try(step):
            return 0
        if dropped and not self._overflows:
            log.warning(
                "The spool is full (%d MiB or %g days): the oldest rounds are given up, "
                "%d points now; what is lost is counted in collector_store",
                spool_limits.bytes // 2**20,
                spool_limits.days,
                dropped,
            )
        self._overflows = dropped > 0
        return dropped
