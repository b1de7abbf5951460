"""The directory from a file: a saved aggregate, a saved `crns.json`, or plain lines.

Plain lines are `hash address`, one node each; empty lines and what follows a `#` at the start of a
line or after white space do not count. A hash alone is a node that registered no address.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from collector.directory.address import parse_address
from collector.directory.aggregate import corechannel_entries, network_settings, read_json
from collector.directory.duplicates import UniqueNodes, choose
from collector.directory.entry import Entries, read_entries
from collector.errors import DirectoryError
from collector.model.listing import Listing, NetworkSettings
from collector.model.node import Node
from collector.text import clean

log = logging.getLogger(__name__)

FILE_LIMIT_BYTES: Final = 32 * 1024 * 1024
ADVICE: Final = (
    "Give a saved corechannel aggregate, a saved crns.json, "
    "or lines of the form `hash address` (64 hex digits, white space, URL)."
)

_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds."""

    entries: Entries
    settings: NetworkSettings


class FileDirectory:
    """A list of nodes in a file, read again when the file changes.

    A file that can no longer be read leaves the last list in place, whose age then grows.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970."""
        self._path = path
        self._clock = clock
        self._chosen: UniqueNodes | None = None
        self._settings = NetworkSettings()
        self._stamp: tuple[int, ...] = ()
        self._confirmed_at = 0.0
        self._complaint = ""

    async def listing(self) -> Listing:
        """The list as the file holds it now; DirectoryError if it never could be read."""
        try:
            await asyncio.to_thread(self._refresh)
        except (OSError, ValueError) as error:
            self._complain(error)
        if self._chosen is None:
            raise DirectoryError(f"No list of nodes: {self._path}: {self._complaint}.", ADVICE)
        return Listing(
            nodes=self._chosen.nodes,
            settings=self._settings,
            age_seconds=max(0.0, self._clock() - self._confirmed_at),
            duplicate_hashes=self._chosen.duplicates,
        )

    async def aclose(self) -> None:
        """Nothing is open between two calls."""

    def _refresh(self) -> None:
        """Read the file if it is not the one that was read last."""
        status = os.stat(self._path)
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp != self._stamp:
            content = read_file(self._path)
            before = self._chosen.addresses if self._chosen else {}
            self._chosen = choose(content.entries.nodes, before)
            self._settings = content.settings
            self._stamp = stamp
            if content.entries.skipped:
                log.warning(
                    "%d entries of %s are unreadable and left out, %d are good",
                    content.entries.skipped,
                    self._path,
                    len(content.entries.nodes),
                )
        self._confirmed_at = self._clock()
        self._complaint = ""

    def _complain(self, error: Exception) -> None:
        """Say once what is wrong, where a list goes on; else the caller raises it."""
        complaint = (isinstance(error, OSError) and error.strerror) or str(error)
        if self._chosen is not None and complaint != self._complaint:
            log.warning("%s: %s; the list read before goes on", self._path, complaint)
        self._complaint = complaint


def read_file(path: Path) -> Content:
    """The nodes of a file; OSError, or ValueError with what is wrong and in which line."""
    with path.open("rb") as file:
        body = file.read(FILE_LIMIT_BYTES + 1)
    if len(body) > FILE_LIMIT_BYTES:
        raise ValueError(f"longer than {FILE_LIMIT_BYTES:,} bytes")
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        content = _from_json(read_json(body))
    else:
        content = Content(_from_lines(body.decode("utf-8-sig", "replace")), NetworkSettings())
    if not content.entries.nodes:
        raise ValueError("holds no node")
    return content


def _from_json(document: object) -> Content:
    """A saved `crns.json`, with its envelope or without, or a saved aggregate."""
    listed = document.get("crns") if isinstance(document, dict) else document
    if isinstance(listed, list):
        return Content(read_entries(listed), NetworkSettings())
    try:
        settings = network_settings(document)
    except ValueError:
        settings = NetworkSettings()
    return Content(corechannel_entries(document), settings)


def _from_lines(text: str) -> Entries:
    nodes = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = _COMMENT.sub("", line).split(maxsplit=1)
        if not parts:
            continue
        if not _HASH.fullmatch(parts[0].lower()):
            raise ValueError(
                f"line {number} is {clean(line)!r}; expected a hash of 64 hex digits, "
                "white space and an address"
            )
        nodes.append(_node(parts[0].lower(), parts[1] if len(parts) > 1 else ""))
    return Entries(tuple(nodes))


def _node(digest: str, registered: str) -> Node:
    """A node of which only hash and address are known."""
    address = parse_address(registered)
    return Node(digest, "", address.text, host=address.host, refused=address.refused)
