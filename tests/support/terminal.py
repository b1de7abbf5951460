"""Runs a program with a terminal as its standard output."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

_STYLES: Final = re.compile(r"\x1b\[[0-9;]*m")


class Screen(io.StringIO):
    """A standard output of this process that is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """It is."""
        return True

    @property
    def text(self) -> str:
        """What was printed, without colours; other escape sequences are left in."""
        return _STYLES.sub("", self.getvalue())


def run_in_terminal(
    words: Sequence[object], folder: Path, environment: Mapping[str, str], columns: int = 200
) -> tuple[int, str]:
    """Run a program in a terminal of this width; return its exit code and what it printed.

    Colours and other escape sequences are left out, so that the text is what a person reads.
    """
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    kept = {name: value for name, value in environment.items() if name != "COLUMNS"}
    try:
        with subprocess.Popen(
            [str(word) for word in words],
            cwd=folder,
            env=kept | {"TERM": "xterm"},
            stdout=terminal,
            stdin=subprocess.DEVNULL,
        ) as program:
            os.close(terminal)
            printed = _read(reader)
            return program.wait(), printed
    finally:
        os.close(reader)


def _read(reader: int) -> str:
    """Read until the last writer has closed the terminal."""
    chunks: list[bytes] = []
    while True:
        try:
            chunk = os.read(reader, 65_536)
        except OSError:  # how Linux says that nobody holds the other end any more
            chunk = b""
        if not chunk:
            text = b"".join(chunks).decode().replace("\r\n", "\n")
            return _ESCAPES.sub("", text)
        chunks.append(chunk)
