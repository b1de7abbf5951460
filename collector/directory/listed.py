"""The published list cut into its entries, without an object being made of anything else.

The bytes may be a stranger's, and Python's own parser makes an object of everything in them: 24 MB
of empty lists in a key that nobody reads would hold the interpreter, and so the event loop, for
seconds, even on a thread of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

_COMMAS_PER_ENTRY: Final = 64
"""Commas of an entry on average, of which real ones have about 25; what the cutting costs."""
_LONGEST_CHARACTERS: Final = 256 * 1024
"""Longest entry that is read; real ones have about 900 bytes."""
_DIGITS_LIMIT: Final = 18
"""Most digits of an integer; a longer one, which no field needs, is read as null."""


class _Corechannel(msgspec.Struct):
    resource_nodes: msgspec.Raw


class _Key(msgspec.Struct):
    corechannel: _Corechannel


class _Body(msgspec.Struct):
    data: _Key


_BODY: Final = msgspec.json.Decoder(_Body)
_ENTRIES: Final = msgspec.json.Decoder(list[msgspec.Raw])

_MATCHES_LIMIT: Final = 100_000
"""Places of a body that are made strict; what comes after stays as it is."""
_BOM: Final = b"\xef\xbb\xbf"
_SLICE_BYTES: Final = 64 * 1024
_LENIENT: Final = re.compile(
    rb"""\\\\                                              # an escaped backslash
    | \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}  # a whole pair of surrogates
    | (?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})           # half of one
    | (?<=[:,\[\s])(?P<number>NaN|-?Infinity)(?=\s*[,\]}])  # no number of JSON
    """,
    re.VERBOSE,
)
"""What Python writes as JSON and stricter readers refuse: one such entry must not cost the list."""


def listed_entries(body: bytes | memoryview, limit: int) -> Iterator[Any]:
    """Return each entry of `data.corechannel.resource_nodes`, None for one that cannot be read.

    Raises ValueError, with the reason in words, if the bytes hold no such list, or one of more
    than `limit` entries. An entry is parsed when it is asked for, and nothing of the body is copied
    besides, as long as it is strict JSON.
    """
    try:
        listed = _list_in(memoryview(body)[len(_BOM) if body[: len(_BOM)] == _BOM else 0 :])
        if _commas(listed) > _COMMAS_PER_ENTRY * limit:
            raise ValueError(f"a list that is too long: at most {limit:,} entries are read")
        entries = _ENTRIES.decode(listed)
    except msgspec.ValidationError as error:
        raise ValueError("no list data.corechannel.resource_nodes in it") from error
    except msgspec.DecodeError as error:
        raise ValueError(f"not JSON ({str(error).removeprefix('JSON is malformed: ')})") from error
    except RecursionError as error:
        raise ValueError("not JSON that can be read (nested too deep)") from error
    if len(entries) > limit:
        raise ValueError(f"a list of {len(entries):,} entries: at most {limit:,} are read")
    return map(_entry, entries)


def whole(digits: str) -> int | None:
    """Return an integer; None for one longer than any field needs."""
    return int(digits) if len(digits) <= _DIGITS_LIMIT else None


def _commas(text: memoryview) -> int:
    """Return how many there are."""
    starts = range(0, len(text), _SLICE_BYTES)
    return sum(bytes(text[start : start + _SLICE_BYTES]).count(b",") for start in starts)


def _list_in(text: memoryview) -> memoryview:
    """Return the list as it stands in the bytes; raise msgspec.DecodeError or RecursionError."""
    try:
        found = _BODY.decode(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        found = _BODY.decode(_LENIENT.sub(_strictly, text, count=_MATCHES_LIMIT))
    return memoryview(found.data.corechannel.resource_nodes)


def _strictly(found: re.Match[bytes]) -> bytes:
    if found["half"]:
        return b"?"
    return b"null" if found["number"] else found[0]


def _entry(raw: msgspec.Raw) -> Any:
    text = bytes(raw).decode(errors="replace")
    if len(text) > _LONGEST_CHARACTERS:
        return None
    try:
        return json.loads(text, parse_int=whole)
    except (ValueError, RecursionError):
        return None
