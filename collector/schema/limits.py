"""What every generation of InfluxDB accepts: checks of single values, each with its reason."""

from __future__ import annotations

import math
import re
from typing import Any, Final

TIME_RANGE: Final = range(-9_223_372_036, 9_223_372_037)
"""Seconds since 1970 that fit InfluxDB's nanoseconds in 64 bits."""
INTEGER_RANGE: Final = range(-(2**63), 2**63)
TEXT_LIMIT_BYTES: Final = 65_536
"""Longest text field that InfluxDB 2.x accepts."""
SERIES_LIMIT_BYTES: Final = 65_000
"""Longest set of tags; a name and its tags must fit 64 KiB with what InfluxDB adds to them."""

_NOT_IN_TAGS: Final = re.compile(r"[\t\n\r]|\\(?:[\\,= ]|\Z)")
"""InfluxDB 3 ends a tag at a tab, and drops a backslash before another, a comma, `=` or a space."""
_SHORT_TAG: Final = 128
"""Characters of a tag that is not counted: a hundred such tags are below the limit."""


def check_time(value: Any) -> str | None:
    """Return why a time in seconds would be rejected, None if it is accepted."""
    if type(value) is int and value in TIME_RANGE:
        return None
    return f"time {value!r} is not whole seconds within 64 bits of nanoseconds"


def check_tag(value: Any) -> str | None:
    """Return why a tag would be rejected, None if it is accepted."""
    if not isinstance(value, str) or not value:
        return f"{value!r} is not text with at least one character"
    if _NOT_IN_TAGS.search(value):
        return f"{value!r} holds a tab, a line break, or a backslash that would escape"
    return None if _is_utf8(value) else f"{value!r} is not UTF-8"


def check_integer(value: Any) -> str | None:
    """Return why an integer field would be rejected, None if it is accepted."""
    if type(value) is not int:
        return f"{value!r} is not an integer"
    return None if value in INTEGER_RANGE else f"{value} does not fit 64 bits"


def check_float(value: Any) -> str | None:
    """Return why a float field would be rejected, None if it is accepted."""
    if type(value) is float and math.isfinite(value):
        return None
    return f"{value!r} is not a finite float"


def check_text(value: Any) -> str | None:
    """Return why a text field would be rejected, None if it is accepted."""
    if not isinstance(value, str):
        return f"{value!r} is not text"
    if not _is_utf8(value):
        return f"{value!r} is not UTF-8"
    if len(value) * 4 > TEXT_LIMIT_BYTES and len(value.encode()) > TEXT_LIMIT_BYTES:
        return f"longer than {TEXT_LIMIT_BYTES} bytes"
    return None


def tag_bytes(value: str) -> int:
    """Return the bytes of a tag's value in line protocol, 0 for a short one."""
    if len(value) < _SHORT_TAG:
        return 0
    return len(value.encode()) + sum(map(value.count, ",= "))  # these three are escaped


def _is_utf8(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
