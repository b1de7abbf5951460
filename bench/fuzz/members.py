"""Where the members of a JSON text are, so that they can be changed without being parsed anew."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_SCAN: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object, or one item of an array: places in the text."""

    start: int
    """Of the key; of the value in an array."""
    value_start: int
    end: int
    """After the value."""
    depth: int
    kind: type[Any]
    """Of the value, as Python reads it."""


@functools.lru_cache(maxsize=4096)
def members_of(text: str) -> tuple[Member, ...]:
    """Return every member of a JSON text without blanks, outer ones first."""
    return tuple(sorted(_members(text, 0, 0), key=lambda m: (m.depth, m.start)))


def _members(text: str, at: int, depth: int) -> Iterator[Member]:
    """Yield the members of the object or array that begins there, and those inside them."""
    if text[at : at + 1] not in ("{", "["):
        return
    is_object = text[at] == "{"
    at += 1
    while text[at] not in "]}":
        start = at
        if is_object:
            _, at = _SCAN.raw_decode(text, at)
            at += 1
        value, end = _SCAN.raw_decode(text, at)
        yield Member(start, at, end, depth, type(value))
        yield from _members(text, at, depth + 1)
        at = end + (text[end] == ",")
