"""Sends one batch: written whole, and if the database rejects it, halved down to the bad lines.

Sending a good line twice is harmless, so what is left after a failure is simply sent again. A
refusal that names neither lines nor the request counts as one of lines only after a single line
of the batch was accepted: else it is the request that is refused, and everything is kept. The same
holds if lines of several measurements are refused in the very same words.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from collector.influx.advice import Advice
from collector.influx.write_result import Fate, WriteResult
from collector.model.batch import Batch

WRITES_LIMIT: Final = 256
"""Writes for one batch before another has its turn; what is left then returns to the spool."""
_MEASUREMENT: Final = re.compile(rb"(?<!\\)[ ,]")
"""What ends the name of a measurement."""
_SAMPLE_LINES: Final = 8
"""Single lines that are written when a refusal is unclear."""

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
        self._writes = 0
        self._parts: list[list[bytes]] = []
        """Lines whose fate is not known, in the order in which they are sent, the next one last."""
        self._takes_lines = False
        """Whether a single line was accepted or named, so that a refusal is about lines."""

    @property
    def has_result(self) -> bool:
        """Whether the fate of any line is known, so that the batch changes in the spool."""
        return self.result != SendResult()

    async def send(self) -> WriteResult | None:
        """Write everything; return the failure that stopped it, or None."""
        outcome = await self._write_body(self._batch.body)
        if outcome.is_kept:
            return outcome
        if outcome.fate is Fate.ACCEPT:
            self.result = SendResult(accepted=self._batch.points)
            return None
        try:
            self._parts = [await asyncio.to_thread(self._batch.lines)]
        except (OSError, EOFError, zlib.error) as error:
            reason = f"{self._batch.points} points cannot be unpacked ({error}): {outcome.message}"
            self.result = SendResult(rejected=(("", reason),))
            return None
        return await self._send_parts(outcome)

    async def remaining(self) -> Sequence[Batch]:
        """Return the lines whose fate is not known, as batches."""
        parts = reversed(self._parts)
        return [await asyncio.to_thread(Batch.pack, self._batch.time, part) for part in parts]

    async def _send_parts(self, outcome: WriteResult) -> WriteResult | None:
        """Write part by part, within the limit; return the failure that stopped it, or None.

        `outcome` is that of the whole batch.
        """
        while True:
            outcome = await self._decide(self._parts[-1], outcome)
            if outcome.is_kept:
                return outcome
            self._sort_out(self._parts.pop(), outcome)
            if not self._parts or self._writes >= WRITES_LIMIT:
                return None
            outcome = await self._write_lines(self._parts[-1])

    async def _decide(self, part: list[bytes], outcome: WriteResult) -> WriteResult:
        """Return the outcome of a part, and if it is unclear, what it proves to be."""
        if outcome.fate is Fate.SPLIT and len(part) == 1:
            return replace(outcome, fate=Fate.BLOCKED, advice=Advice.REQUEST, is_suspect=True)
        samples = self._samples(part, outcome)
        messages = set()
        for line in samples:
            single = await self._write_lines([line])
            if single.is_kept:
                return single
            messages.add(single.message)
            is_counted = single.dropped or single.refused
            is_doubted = outcome.fate is Fate.REJECT and len(messages) == 1 and not is_counted
            if single.fate is Fate.ACCEPT or (single.fate is Fate.REJECT and not is_doubted):
                self._takes_lines = True
                return outcome
        if not samples:
            return outcome
        return replace(outcome, fate=Fate.BLOCKED, advice=Advice.REQUEST, is_suspect=True)

    def _samples(self, part: list[bytes], outcome: WriteResult) -> list[bytes]:
        """Return the single lines to write to find out whether it is the request that is refused.

        Words about lines are doubted only where they are the same for lines of two measurements.
        """
        if self._takes_lines:
            return []
        if outcome.fate is Fate.UNCLEAR:
            return part[:: -(-len(part) // _SAMPLE_LINES)]
        if outcome.fate is not Fate.REJECT or outcome.refused or outcome.dropped:
            return []
        by_measurement = {_MEASUREMENT.split(line, 1)[0]: line for line in part}
        return list(by_measurement.values())[:_SAMPLE_LINES] if len(by_measurement) > 1 else []

    async def _write_lines(self, lines: list[bytes]) -> WriteResult:
        packed = await asyncio.to_thread(Batch.pack, self._batch.time, lines)
        return await self._write_body(packed.body)

    async def _write_body(self, body: bytes) -> WriteResult:
        self._writes += 1
        return await self._write(body)

    def _sort_out(self, part: list[bytes], outcome: WriteResult) -> None:
        """Count a part whose fate is known by the outcome of its write, or send its halves next."""
        if outcome.fate is Fate.ACCEPT:
            self.result = self.result.plus(SendResult(accepted=len(part)))
        elif outcome.fate is Fate.REJECT and outcome.dropped == len(part):
            self.result = self.result.plus(SendResult(dropped=len(part)))
        elif len(part) == 1 or (outcome.fate is Fate.REJECT and outcome.refused == len(part)):
            lines = [line.decode(errors="replace").removesuffix("\n") for line in part]
            rejected = tuple((line, outcome.message) for line in lines)
            self.result = self.result.plus(SendResult(rejected=rejected))
        else:
            half = len(part) // 2
            self._parts += [part[half:], part[:half]]
