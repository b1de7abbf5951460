"""Text from strangers, made safe for logs, terminals, tags and line protocol."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

NAME_LIMIT: Final = 64
"""Characters of a display name that are kept."""

_CONTROLS: Final = dict.fromkeys([*range(32), *range(127, 160), 0x2028, 0x2029], " ")
_RELEASE: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?![\d])", re.ASCII)


def clean(text: str, limit: int = NAME_LIMIT) -> str:
    """Return one line of at most `limit` printable characters.

    Controls, line breaks, private, unassigned and invisible format characters (bidirectional
    overrides among them) are dropped, runs of white space become one space, and the backslash,
    which line protocol cannot hold at the end of a tag, becomes a slash.
    """
    if len(text) <= limit:
        return _clean_known(text, limit)
    return _clean(text[: limit * 8], limit)


def one_line(text: str, limit: int) -> str:
    """Return one line of at most `limit` printable characters, with everything else as it is.

    What `clean` drops is dropped here as well, but backslashes stay.
    """
    return " ".join(_visible(text).split())[:limit].rstrip()


def without_controls(text: str) -> str:
    """Return the text with a space for each control character and line break."""
    return text if text.isprintable() else text.translate(_CONTROLS)


def _clean(text: str, limit: int) -> str:
    visible = _visible(text.replace("\\", "/"))[: limit * 4]
    return " ".join(unicodedata.normalize("NFC", visible).split())[:limit].rstrip()


_clean_known: Final = lru_cache(maxsize=16_384)(_clean)
"""Cached: the same names and versions come in every round. Longer text is not kept."""


def _visible(text: str) -> str:
    """Return the text without controls and invisible characters; white space becomes spaces."""
    return "".join(filter(str.isprintable, " ".join(text.split())))


@lru_cache(maxsize=1024)
def release_of(version: str) -> tuple[int, int, int] | None:
    """Return the release of a version: (1, 3, 0) for `1.3.0-41-g7303587`; None if there is none.

    Versions come from `git describe`; few of them are PEP 440.
    """
    match = _RELEASE.match(version)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None
