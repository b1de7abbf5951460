"""The directory from a file: a saved aggregate, a saved `crns.json`, or plain lines.

Plain lines are `hash address`, one node each; empty lines and what follows a `#` at the start of a
line or after white space are ignored. A hash alone is a node without an address.
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

    If the file can no longer be read, the last list stays in use and its age grows.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970."""
        self._path = path
        self._clock = clock
        self._unique: UniqueNodes | None = None
        self._settings = NetworkSettings()
        self._stamp: tuple[int, ...] = ()
        self._confirmed_at = 0.0
        self._problem = ""

    async def listing(self) -> Listing:
        """Return the list as it is in the file; raise DirectoryError if it never could be read."""
        try:
            await asyncio.to_thread(self._refresh)
        except (OSError, ValueError) as error:
            self._warn_once(error)
        if self._unique is None:
            raise DirectoryError(f"no list of nodes: {self._path}: {self._problem}.", ADVICE)
        return Listing(
            nodes=self._unique.nodes,
            settings=self._settings,
            age_seconds=max(0.0, self._clock() - self._confirmed_at),
            duplicate_hashes=self._unique.duplicates,
        )

    async def aclose(self) -> None:
        """Do nothing: no file is open between two calls."""

    def _refresh(self) -> None:
        """Read the file if it has changed since it was last read."""
        status = os.stat(self._path)
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp != self._stamp:
            content = read_file(self._path)
            before = self._unique.addresses if self._unique else {}
            self._unique = choose(content.entries.nodes, before)
            self._settings = content.settings
            self._stamp = stamp
            if content.entries.skipped:
                log.warning(
                    "%d entries of %s cannot be read and are left out, %d are good",
                    content.entries.skipped,
                    self._path,
                    len(content.entries.nodes),
                )
        self._confirmed_at = self._clock()
        self._problem = ""

    def _warn_once(self, error: Exception) -> None:
        """Log a problem once while a list is in use; otherwise the caller raises it."""
        problem = (isinstance(error, OSError) and error.strerror) or str(error)
        if self._unique is not None and problem != self._problem:
            log.warning("%s: %s; the list read before stays in use", self._path, problem)
        self._problem = problem


def read_file(path: Path) -> Content:
    """Return the nodes of a file; raise OSError, or ValueError with the problem and its line."""
    with path.open("rb") as file:
        body = file.read(FILE_LIMIT_BYTES + 1)
    if len(body) > FILE_LIMIT_BYTES:
        raise ValueError(f"longer than {FILE_LIMIT_BYTES:,} bytes")
    if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        content = _from_json(body)
    else:
        content = Content(_from_lines(body.decode("utf-8-sig", "replace")), NetworkSettings())
    if not content.entries.nodes:
        raise ValueError("holds no node")
    return content


def _from_json(body: bytes) -> Content:
    """Read a saved `crns.json`, with or without its envelope, or a saved aggregate."""
    document = read_json(body)
    listed = document.get("crns") if isinstance(document, dict) else document
    if isinstance(listed, list):
        return Content(read_entries(listed), NetworkSettings())
    try:
        settings = network_settings(document)
    except ValueError:
        settings = NetworkSettings()
    return Content(corechannel_entries(body, len(body)), settings)


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
    """Return a node of which only hash and address are known."""
    address = parse_address(registered)
    return Node(digest, "", address.text, host=address.host, refused=address.refused)
