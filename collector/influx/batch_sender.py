"""Sends one batch: written whole, and if the database rejects it, halved down to the bad lines.

Sending a good line twice is harmless, so what is left after a failure is simply sent again.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.influx.write_result import Fate, WriteResult
from collector.model.batch import Batch

_WRITES_LIMIT: Final = 256
"""Writes for one batch before another has its turn; what is left then returns to the spool."""

Write = Callable[[bytes], Awaitable[WriteResult]]
"""Writes gzipped line protocol; never raises for what the other side does."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of lines."""

    accepted: int = 0
    dropped: int = 0
    """Older than the database keeps."""
    rejected: tuple[tuple[str, str], ...] = ()
    """Lines without their line break, each with the database's message."""

    def plus(self, other: SendResult) -> SendResult:
        """Return the sum of both."""
        return SendResult(
            self.accepted + other.accepted,
            self.dropped + other.dropped,
            self.rejected + other.rejected,
        )


class BatchSender:
    """One batch, and what is known of its parts."""

    def __init__(self, batch: Batch, write: Write) -> None:
        self.result = SendResult()
        """Of the lines whose fate is known."""
        self._batch = batch
        self._write = write
        self._parts: list[list[bytes]] = []
        """Lines whose fate is not known, in the order in which they are sent, the next one last."""

    @property
    def has_result(self) -> bool:
        """Whether the fate of any line is known, so that the batch changes in the spool."""
        return self.result != SendResult()

    async def send(self) -> WriteResult | None:
        """Write everything; return the failure that stopped it, or None."""
        outcome = await self._write(self._batch.body)
        if outcome.is_kept:
            return outcome
        if outcome.fate is Fate.ACCEPT:
            self.result = SendResult(accepted=self._batch.points)
            return None
        try:
            lines = await asyncio.to_thread(self._batch.lines)
        except (OSError, EOFError, zlib.error) as error:
            reason = f"{self._batch.points} points cannot be unpacked ({error}): {outcome.message}"
            self.result = SendResult(rejected=(("", reason),))
            return None
        self._sort_out(lines, outcome)
        return await self._send_parts()

    async def remaining(self) -> Sequence[Batch]:
        """Return the lines whose fate is not known, as batches."""
        parts = reversed(self._parts)
        return [await asyncio.to_thread(Batch.pack, self._batch.time, part) for part in parts]

    async def _send_parts(self) -> WriteResult | None:
        """Write part by part, within the limit; return the failure that stopped it, or None."""
        for _ in range(_WRITES_LIMIT):
            if not self._parts:
                break
            part = self._parts[-1]
            packed = await asyncio.to_thread(Batch.pack, self._batch.time, part)
            outcome = await self._write(packed.body)
            if outcome.is_kept:
                return outcome
            self._sort_out(self._parts.pop(), outcome)
        return None

    def _sort_out(self, part: list[bytes], outcome: WriteResult) -> None:
        """Count a part whose fate is known by the outcome of its write, or send its halves next."""
        if outcome.fate is Fate.ACCEPT:
            self.result = self.result.plus(SendResult(accepted=len(part)))
        elif outcome.fate is Fate.REJECT and outcome.dropped == len(part):
            self.result = self.result.plus(SendResult(dropped=len(part)))
        elif len(part) == 1:
            line = part[0].decode(errors="replace").removesuffix("\n")
            self.result = self.result.plus(SendResult(rejected=((line, outcome.message),)))
        else:
            half = len(part) // 2
            self._parts += [part[half:], part[:half]]
