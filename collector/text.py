"""Text from strangers, made safe for logs, terminals, tags and line protocol."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

NAME_LIMIT: Final = 64
"""Characters of a display name that are kept."""

_RELEASE: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?![\d])", re.ASCII)


def clean(text: str, limit: int = NAME_LIMIT) -> str:
    """Return one line of at most `limit` printable characters.

    Controls, line breaks, private, unassigned and invisible format characters (bidirectional
    overrides among them) are dropped, runs of white space become one space, and the backslash,
    which line protocol cannot hold at the end of a tag, becomes a slash.
    """
    return _clean(text[: limit * 8], limit)


def one_line(text: str, limit: int) -> str:
    """Return one line of at most `limit` printable characters, with everything else as it is.

    What `clean` drops is dropped here as well, but backslashes stay.
    """
    return " ".join(_visible(text).split())[:limit].rstrip()


@lru_cache(maxsize=16_384)
def _clean(text: str, limit: int) -> str:
    """Cached: the same names and versions come in every round."""
    visible = unicodedata.normalize("NFC", _visible(text.replace("\\", "/")))
    return " ".join(visible.split())[:limit].rstrip()


def _visible(text: str) -> str:
    """Return the text without controls and invisible characters; white space becomes spaces."""
    return "".join(
        " " if ch.isspace() else ch
        for ch in text
        if ch.isspace() or unicodedata.category(ch)[0] != "C"
    )


@lru_cache(maxsize=1024)
def release_of(version: str) -> tuple[int, int, int] | None:
    """Return the release of a version: (1, 3, 0) for `1.3.0-41-g7303587`; None if there is none.

    Versions come from `git describe`; few of them are PEP 440.
    """
    match = _RELEASE.match(version)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None
