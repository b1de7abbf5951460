"""What a database's response to a write means, the same for every generation."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final

_MESSAGE_LIMIT: Final = 500
"""Characters of a response that are kept."""
RETRY_AFTER_LIMIT_SECONDS: Final = 900.0
"""Longest `Retry-After` that is honoured."""

_DROPPED: Final = re.compile(
    r"points beyond retention policy dropped=(\d+)|dropped (\d+) points outside retention policy"
)
"""The messages of 1.x, and of 2.x."""


class Fate(Enum):
    """What becomes of the lines of one write."""

    ACCEPT = "accept"
    """They are stored, or older than the database keeps."""
    REJECT = "reject"
    """At least one of them is bad; the halves are written to find out which."""
    SPLIT = "split"
    """Too large for one write; the halves are written."""
    KEEP = "keep"
    """They wait, and are written again later."""
    BLOCKED = "blocked"
    """They wait; operator action required."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The outcome of one write."""

    fate: Fate
    message: str = ""
    """Status and message of the database, on one line; '' if it accepted."""
    dropped: int = 0
    """Lines that it reports as older than it keeps."""
    retry_after_seconds: float | None = None
    """When it asks to be tried again; None if it does not."""
    is_suspect: bool = False
    """Whether this batch in particular may have broken the database; others go first."""

    @property
    def is_kept(self) -> bool:
        """Whether the lines wait for another write."""
        return self.fate in (Fate.KEEP, Fate.BLOCKED)


def classify_response(
    status: int, body: bytes | str | None, headers: Mapping[str, str] | None = None
) -> WriteResult:
    """Return what a response to a write means, by its status, message and headers."""
    detail = message_of(body)
    message = f"{status} {detail}".strip()
    if 200 <= status < 300:
        return WriteResult(Fate.ACCEPT)
    if status in (400, 422):
        dropped = _DROPPED.search(detail)
        count = int(dropped[1] or dropped[2]) if dropped else 0
        return WriteResult(Fate.REJECT, message, dropped=count)
    if status == 413:
        return WriteResult(Fate.SPLIT, message)
    if status in (408, 425, 429) or status >= 500:
        after = retry_after_seconds((headers or {}).get("Retry-After"))
        return WriteResult(
            Fate.KEEP,
            message,
            retry_after_seconds=after,
            is_suspect=status in (500, 502, 504),
        )
    return WriteResult(Fate.BLOCKED, message)


def message_of(body: bytes | str | None) -> str:
    """Return the message in the JSON of a response, or its text; one line, 500 characters."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        content: Any = json.loads(text)
    except ValueError:
        content = None
    if isinstance(content, dict):
        text = str(content.get("message") or content.get("error") or text)
    return " ".join(text.split())[:_MESSAGE_LIMIT]


def retry_after_seconds(value: str | None, now: float | None = None) -> float | None:
    """Return the seconds of a `Retry-After` header, which may also be a date; None if unreadable.

    `now` is the time in seconds since 1970; None reads the clock.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value).timestamp()
        except ValueError:
            return None
        seconds = moment - (time.time() if now is None else now)
    if not seconds >= 0:
        return 0.0
    return min(seconds, RETRY_AFTER_LIMIT_SECONDS)
