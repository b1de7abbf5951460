"""One piece on its way: written whole, and if the database objects, halved down to the bad lines.

Sending a good line twice is harmless, so what is left over after trouble is simply sent again.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from collector.influx.write_result import Fate, WriteResult
from collector.model.batch import Batch

REQUESTS: Final = 256
"""Writes for one piece before another gets its turn; what is left then goes back to the spool."""

Write = Callable[[bytes], Awaitable[WriteResult]]


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of lines."""

    accepted: int = 0
    dropped: int = 0
    """Older than the database keeps."""
    rejected: tuple[tuple[str, str], ...] = ()
    """Lines without their line break, and the database's words."""

    def plus(self, other: SendResult) -> SendResult:
        """Both together."""
        return SendResult(
            self.accepted + other.accepted,
            self.dropped + other.dropped,
            self.rejected + other.rejected,
        )


class BatchSender:
    """A piece, and what is known of its parts."""

    def __init__(self, batch: Batch, write: Write) -> None:
        self.outcome = SendResult()
        self._piece = batch
        self._write = write
        self._parts: list[list[bytes]] = []
        """What is not settled yet, the next one last."""

    @property
    def settled(self) -> bool:
        """Whether anything is known of any line, so that the piece need not stay as it is."""
        return self.outcome != SendResult()

    async def deliver(self) -> WriteResult | None:
        """Write everything; None, or the answer for which it had to stop."""
        answer = await self._write(self._piece.body)
        if answer.fate in (Fate.KEEP, Fate.ACT):
            return answer
        if answer.fate is Fate.ACCEPT:
            self.outcome = SendResult(accepted=self._piece.points)
            return None
        try:
            lines = await asyncio.to_thread(self._piece.lines)
        except (OSError, EOFError, zlib.error) as error:
            words = f"{self._piece.points} points cannot be unpacked ({error}): {answer.words}"
            self.outcome = SendResult(rejected=(("", words),))
            return None
        self._judge(lines, answer)
        for _ in range(REQUESTS):
            if not self._parts:
                break
            part = self._parts[-1]
            packed = await asyncio.to_thread(Batch.pack, self._piece.time, part)
            answer = await self._write(packed.body)
            if answer.fate in (Fate.KEEP, Fate.ACT):
                return answer
            self._judge(self._parts.pop(), answer)
        return None

    async def remaining(self) -> Sequence[Batch]:
        """What still waits, as pieces."""
        parts = reversed(self._parts)
        return [await asyncio.to_thread(Batch.pack, self._piece.time, part) for part in parts]

    def _judge(self, part: list[bytes], answer: WriteResult) -> None:
        """Take an answer to a part: it is settled, or its halves are next."""
        if answer.fate is Fate.ACCEPT:
            self.outcome = self.outcome.plus(SendResult(accepted=len(part)))
        elif answer.fate is Fate.REJECT and answer.dropped == len(part):
            self.outcome = self.outcome.plus(SendResult(dropped=len(part)))
        elif len(part) == 1:
            line = part[0].decode(errors="replace").removesuffix("\n")
            self.outcome = self.outcome.plus(SendResult(rejected=((line, answer.words),)))
        else:
            half = len(part) // 2
            self._parts += [part[half:], part[:half]]
