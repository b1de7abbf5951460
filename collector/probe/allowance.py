"""How much a node may send in one visit, whatever it is made of.

Everything is counted and nothing timed: a collector that is short of processor time must not find a
node guilty of it. Each limit is far above what the longest permitted answers need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_ANSWERS: Final = 4
"""Answers in the longest visit: configuration, usage, IPv6, diagnostic VM."""
_HEADS_BYTES: Final = 64 * 1024
"""For the headers of all answers together."""
_TLS_BYTES: Final = 64 * 1024
"""For handshakes, session tickets and the framing of records; two handshakes take some 10 KiB."""
_SMALL_BYTES: Final = 512
_SMALL_READS: Final = 300
"""Reads of less than 512 bytes. A real visit takes a dozen; each costs as much as a long one."""
_LINE_BYTES: Final = 80
"""The content may have a line end for each so many bytes that are allowed, 4,096 with a body limit
of 64 KiB: headers and chunks have them, and each chunk costs work, however short."""
_HEADS: Final = 9
"""Status lines per request: its answer, and up to eight interim ones (1xx) before it."""


@dataclass(slots=True)
class Allowance:
    """What a node has sent in a visit so far, and whether that is too much."""

    content_limit_bytes: int
    exceeded: str = ""
    """The limit that was exceeded, in words; empty while none is."""
    _content_bytes: int = 0
    _read_bytes: int = 0
    _tls_bytes: int = 0
    _small_reads: int = 0
    _lines: int = 0
    _heads: int = 0

    @classmethod
    def for_bodies(cls, body_limit_bytes: int) -> Allowance:
        """Return the allowance of a visit whose answers may have bodies of this length."""
        return cls(_ANSWERS * body_limit_bytes + _HEADS_BYTES)

    def begin_request(self) -> None:
        """Count status lines anew: the next request is sent."""
        self._heads = 0

    def add_read(self, read_bytes: int, content_bytes: int) -> bool:
        """Count one read from the socket, and what of it is content; return whether it is allowed.

        (Content that is read and thrown away, while a connection is being closed, comes here only.)
        """
        self._read_bytes += read_bytes
        self._tls_bytes += read_bytes - content_bytes
        self._small_reads += 0 < read_bytes < _SMALL_BYTES
        if self._tls_bytes > _TLS_BYTES:
            self.exceeded = f"more than {_TLS_BYTES} bytes of TLS besides content"
        elif self._read_bytes > self.content_limit_bytes + _TLS_BYTES:
            self.exceeded = f"more than {self.content_limit_bytes} bytes in a visit"
        elif self._small_reads > _SMALL_READS:
            self.exceeded = f"more than {_SMALL_READS} small reads"
        return not self.exceeded

    def add_content(self, part: bytes) -> bool:
        """Count content before it is parsed; return whether it is allowed."""
        self._content_bytes += len(part)
        self._lines += part.count(b"\n")
        if self._content_bytes > self.content_limit_bytes:
            self.exceeded = f"more than {self.content_limit_bytes} bytes in a visit"
        elif self._lines > self.content_limit_bytes // _LINE_BYTES:
            self.exceeded = f"more than {self.content_limit_bytes // _LINE_BYTES} lines and chunks"
        return not self.exceeded

    def add_head(self) -> bool:
        """Count the status line and headers of an answer; return whether they are allowed."""
        self._heads += 1
        if self._heads > _HEADS:
            self.exceeded = f"more than {_HEADS - 1} interim answers to one request"
        return not self.exceeded
