"""Text from strangers, made safe for logs, terminals, tags and line protocol."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

NAME_LIMIT: Final = 64
"""Characters of a display name that are kept."""

_MOST_MARKS: Final = 4
"""Combining marks on one character; no script that names are written in needs more."""
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0\ufffc"
    "\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)
"""Letters, symbols and marks that show nothing: fillers, blanks, selectors of variants.

The two selectors of how an emoji looks stay: they are marks.
"""

_CONTROLS: Final = dict.fromkeys([*range(32), *range(127, 160), 0x2028, 0x2029], " ")
_INERT: Final = str.maketrans({"\\": "/", "<": "\u2039", ">": "\u203a", "@": "\uff20"})
"""Alerts carry names into chats: `<!channel>` and `@everyone` would call everybody, and a pair of
angle brackets show a link of another name."""
_RELEASE: Final = re.compile(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?![\d])", re.ASCII)


def clean(text: str, limit: int = NAME_LIMIT) -> str:
    """Return one line of at most `limit` printable characters.

    Controls, line breaks, private, unassigned and invisible characters (bidirectional overrides and
    blank letters among them) are dropped, marks piled up on one character are cut, runs of white
    space become one space, and the backslash, which line protocol cannot hold at the end of a tag,
    becomes a slash. What a chat takes for a mention, a tag or a link looks as before and is none.
    Text of which nothing is visible is empty.
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
    composed = unicodedata.normalize("NFC", text.translate(_INERT))
    visible = _visible(composed)[: limit * 4].replace("](", "] (")
    return " ".join(unicodedata.normalize("NFC", visible).split())[:limit].rstrip()


_clean_known: Final = lru_cache(maxsize=16_384)(_clean)
"""Cached: the same names and versions come in every round. Longer text is not kept."""


def _visible(text: str) -> str:
    """Return the text without controls and invisible characters; white space becomes spaces."""
    shown = "".join(filter(str.isprintable, " ".join(text.split())))
    return shown if shown.isascii() else _few_marks(_INVISIBLE.sub("", shown))


def _few_marks(text: str) -> str:
    """Return the text with the first few marks on each character, and none on nothing."""
    shown = []
    marks = _MOST_MARKS
    for char in text:
        if char == " ":
            marks = _MOST_MARKS
        elif unicodedata.category(char)[0] == "M":
            marks += 1
        else:
            marks = 0
        if char == " " or marks <= _MOST_MARKS:
            shown.append(char)
    return "".join(shown)


def escaped(text: str) -> str:
    """Return the text with every character that is not printable as an escape: `\\x1b`, `\\n`."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


@lru_cache(maxsize=1024)
def release_of(version: str) -> tuple[int, int, int] | None:
    """Return the release of a version: (1, 3, 0) for `1.3.0-41-g7303587`; None if there is none.

    Versions come from `git describe`; few of them are PEP 440.
    """
    match = _RELEASE.match(version)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None
