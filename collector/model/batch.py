"""What one write to a database carries: some lines of a round, gzipped once.

The bytes that are stored in the spool are the bytes that are sent.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_GZIP_LEVEL: Final = 1
"""3 µs a point for a sixth of the bytes; level 6 takes three times as long for a seventh."""
_SERIES: Final = re.compile(rb"(?:[^\\ ]|\\.)* ", re.DOTALL)
"""Measurement and tags, up to the first space that is not escaped."""
_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How large a batch may be."""

    lines: int = 5_000
    bytes: int = 2 * 1024 * 1024
    """Of line protocol, before it is gzipped."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some points of one round."""

    time: int
    """Of the round, in seconds since 1970."""
    points: int
    body: bytes
    """Gzipped line protocol."""

    @classmethod
    def pack(cls, time: int, lines: list[bytes]) -> Batch:
        """Return the batch of these lines, each with its line break."""
        return cls(time, len(lines), gzip.compress(b"".join(lines), _GZIP_LEVEL, mtime=0))

    def lines(self) -> list[bytes]:
        """Return the lines, each with its line break. A line break in a text field ends no line.

        Raises OSError, EOFError or zlib.error for a damaged body.
        """
        return split_lines(gzip.decompress(self.body), self.points)


class BatchBuilder:
    """Makes batches of the lines of a round as they come, so that they are never all in memory."""

    def __init__(self, time: int, limits: BatchLimits) -> None:
        self._time = time
        self._limits = limits
        self._lines: list[bytes] = []
        self._bytes = 0
        self._batches: list[Batch] = []

    def add(self, line: bytes) -> None:
        """Add a line, with its line break. One beyond the limit gets a batch of its own."""
        if len(self._lines) >= self._limits.lines or self._bytes + len(line) > self._limits.bytes:
            self._pack()
        self._lines.append(line)
        self._bytes += len(line)

    def take_full(self) -> tuple[Batch, ...]:
        """Return the batches that are full, each once."""
        full, self._batches = self._batches, []
        return tuple(full)

    def batches(self) -> tuple[Batch, ...]:
        """Return the batches of all lines that were added, without those that were taken."""
        self._pack()
        return tuple(self._batches)

    def _pack(self) -> None:
        if self._lines:
            self._batches.append(Batch.pack(self._time, self._lines))
        self._lines, self._bytes = [], 0


def to_batches(time: int, lines: Iterable[bytes], limits: BatchLimits) -> tuple[Batch, ...]:
    """Return the batches of all lines of a round; each line has its line break."""
    builder = BatchBuilder(time, limits)
    for line in lines:
        builder.add(line)
    return builder.batches()


def split_lines(text: bytes, count: int) -> list[bytes]:
    """Return the lines of line protocol, each with its line break; `count` is their number.

    A line break in a text field, which is quoted, ends no line.
    """
    parts = [part + b"\n" for part in text.removesuffix(b"\n").split(b"\n")] if text else []
    if len(parts) == count:
        return parts
    lines: list[bytes] = []
    unfinished = b""
    for part in parts:
        unfinished += part
        if _is_complete(unfinished):
            lines.append(unfinished)
            unfinished = b""
    return [*lines, unfinished] if unfinished else lines


def _is_complete(line: bytes) -> bool:
    """Return whether every quote behind the tags is closed; in tags, quotes mean nothing."""
    fields = _SERIES.sub(b"", line, count=1)
    return _ESCAPED.sub(b"", fields).count(b'"') % 2 == 0
