"""A part of a round as it is sent: line protocol, gzipped once. What is stored is what is sent."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_LEVEL: Final = 1
"""3 µs a point for a sixth of the bytes; level 6 takes three times as long for a seventh."""
_SERIES: Final = re.compile(rb"(?:[^\\ ]|\\.)* ", re.DOTALL)
"""Measurement and tags, up to the first space that is not escaped."""
_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cut:
    """How large a piece may be."""

    lines: int = 5_000
    bytes: int = 2 * 1024 * 1024
    """Of line protocol, before it is packed."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some points of one round."""

    time: int
    """Of the round, in seconds since 1970."""
    points: int
    body: bytes
    """Gzipped line protocol."""

    @classmethod
    def pack(cls, time: int, lines: list[bytes]) -> Piece:
        """The piece of these lines, which end with their line break."""
        return cls(time, len(lines), gzip.compress(b"".join(lines), _LEVEL, mtime=0))

    def lines(self) -> list[bytes]:
        """The lines again, each with its line break. A break inside a text field ends no line."""
        return split(gzip.decompress(self.body), self.points)


def cut(time: int, lines: Iterable[bytes], limits: Cut) -> tuple[Piece, ...]:
    """All lines of a round, in pieces; a line longer than the limit is a piece of its own."""
    pieces: list[Piece] = []
    held: list[bytes] = []
    size = 0
    for line in lines:
        if held and (len(held) >= limits.lines or size + len(line) > limits.bytes):
            pieces.append(Piece.pack(time, held))
            held, size = [], 0
        held.append(line)
        size += len(line)
    if held:
        pieces.append(Piece.pack(time, held))
    return tuple(pieces)


def split(text: bytes, count: int) -> list[bytes]:
    """The lines of line protocol, each with its line break; `count` is how many there should be.

    A line break inside a text field, which is quoted, ends no line.
    """
    parts = [part + b"\n" for part in text.removesuffix(b"\n").split(b"\n")] if text else []
    if len(parts) == count:
        return parts
    found: list[bytes] = []
    held = b""
    for part in parts:
        held += part
        if _closed(held):
            found.append(held)
            held = b""
    return [*found, held] if held else found


def _closed(line: bytes) -> bool:
    """Whether every quote is closed behind the tags, in which quotes mean nothing."""
    fields = _SERIES.sub(b"", line, count=1)
    return _ESCAPED.sub(b"", fields).count(b'"') % 2 == 0
