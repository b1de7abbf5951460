"""The standard streams: open, able to print any text, and honest about a write that fails."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

from collector.errors import Exit, OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_INPUT: Final = 0
_OUTPUT: Final = 1
_ERROR: Final = 2


def prepare_streams() -> None:
    """Replace the standard streams of this process by ones that commands can rely on.

    A stream that the caller closed is the null device: otherwise the next file or socket would take
    its number, and what is printed would go there. Characters that the encoding of a stream cannot
    hold are escaped.
    """
    for descriptor in (_INPUT, _OUTPUT, _ERROR):
        _open_if_closed(descriptor)
    if sys.stdin is None:
        sys.stdin = open(_INPUT, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = _replaced(sys.stdout, _StandardOutput(_OUTPUT, "w", closefd=False))
    sys.stderr = _replaced(sys.stderr, _StandardError(_ERROR, "w", closefd=False))


def _open_if_closed(descriptor: int) -> None:
    """Open the null device under this number, the lowest that is free, if it is not open."""
    try:
        os.fstat(descriptor)
    except OSError:
        os.open(os.devnull, os.O_RDWR)


def _replaced(stream: TextIO | None, raw: io.FileIO) -> io.TextIOWrapper:
    """Return a text stream on `raw` in the encoding of the one that it replaces."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding if stream else "utf-8",
        errors="backslashreplace",
        line_buffering=raw.isatty() or raw.fileno() == _ERROR,
    )


class _StandardOutput(io.FileIO):
    """Ends the command at the first write that fails; what is still buffered then is dropped.

    If nobody reads any more, as behind `| head`, that is a success: the reader has what it wanted.
    """

    _failed = False

    def write(self, chunk: ReadableBuffer, /) -> int:
        if self._failed:
            return memoryview(chunk).nbytes
        try:
            return super().write(chunk)
        except BrokenPipeError:
            self._failed = True
            raise SystemExit(Exit.OK) from None
        except OSError as error:
            self._failed = True
            raise OutputError(
                f"the standard output cannot be written: {error.strerror}",
                "What was printed is incomplete; make room, or print somewhere else.",
            ) from error


class _StandardError(io.FileIO):
    """Drops what cannot be written: there is nowhere left to say so, and rounds must go on."""

    def write(self, chunk: ReadableBuffer, /) -> int:
        try:
            return super().write(chunk)
        except OSError:
            return memoryview(chunk).nbytes
