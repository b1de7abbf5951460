"""What a database's answer to a write means, for every generation (design: three fates)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final

WORDS_LIMIT: Final = 500
"""Characters of an answer that are kept."""
RETRY_AFTER_LIMIT_SECONDS: Final = 900.0
"""A database that asks for more is asked again after this all the same."""

_DROPPED: Final = re.compile(
    r"points beyond retention policy dropped=(\d+)|dropped (\d+) points outside retention policy"
)
"""As 1.x says it, and as 2.x does."""


class Fate(Enum):
    """What becomes of the lines that were written."""

    ACCEPT = "accept"
    """They are in, or older than the database keeps."""
    REJECT = "reject"
    """At least one of them is bad; which one, only halving tells."""
    SPLIT = "split"
    """Too large to be taken at once."""
    KEEP = "keep"
    """Not now."""
    ACT = "act"
    """Kept too, but a person must change something first."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """A database's answer to one write."""

    fate: Fate
    words: str = ""
    """The database's own, on one line."""
    dropped: int = 0
    """Lines that it says are older than it keeps."""
    retry_after_seconds: float | None = None
    """When it wants to be asked again; None if it did not say."""
    ill: bool = False
    """It broke on this write in particular, it seems: others may fare better."""


def classify_response(
    status: int, body: bytes | str | None, headers: Mapping[str, str] | None = None
) -> WriteResult:
    """The answer to a write, by status, words and headers."""
    words = words_of(body)
    said = f"{status} {words}".strip()
    if 200 <= status < 300:
        return WriteResult(Fate.ACCEPT)
    if status in (400, 422):
        found = _DROPPED.search(words)
        return WriteResult(Fate.REJECT, said, dropped=int(found[1] or found[2]) if found else 0)
    if status == 413:
        return WriteResult(Fate.SPLIT, said)
    if status in (408, 425, 429) or status >= 500:
        after = retry_after((headers or {}).get("Retry-After"))
        return WriteResult(
            Fate.KEEP, said, retry_after_seconds=after, ill=status in (500, 502, 504)
        )
    return WriteResult(Fate.ACT, said)


def words_of(body: bytes | str | None) -> str:
    """What an answer says in words: the message of its JSON, or its text."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        found: Any = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        text = str(found.get("message") or found.get("error") or text)
    return " ".join(text.split())[:WORDS_LIMIT]


def retry_after(value: str | None, now: float | None = None) -> float | None:
    """Seconds of a `Retry-After` header, which may also be a date; None if it says nothing."""
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
