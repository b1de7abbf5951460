"""Whether an answer is that of a proxy that keeps visitors away, and how long they are to wait.

By what the makers of such proxies document. The requests of this collector may themselves be why.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

_TOO_MANY_REQUESTS: Final = 429
_CHALLENGE_HEADERS: Final[Mapping[str, frozenset[str]]] = {
    "cf-mitigated": frozenset({"challenge"}),  # Cloudflare
    "x-vercel-mitigated": frozenset({"challenge"}),
    "x-amzn-waf-action": frozenset({"challenge", "captcha"}),
    "x-dd-b": frozenset({"1", "2"}),  # DataDome
}
_CHALLENGE_PAGES: Final = (
    b"/cdn-cgi/challenge-platform/",  # Cloudflare, where its header is taken away
    b"_Incapsula_Resource",  # Imperva
    b"anubis_challenge",
)
"""What the challenge page contains, by maker."""
MAX_WAIT_SECONDS: Final = 3600
"""A node that asks for a longer wait is visited after this time all the same."""
_LONGEST_VALUE: Final = 40


def is_screened(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether an answer says "too many requests" or is a proxy's challenge."""
    if status == _TOO_MANY_REQUESTS:
        return True
    if any(headers.get(name) in values for name, values in _CHALLENGE_HEADERS.items()):
        return True
    is_page = headers.get("Content-Type", "").startswith("text/html")
    return is_page and any(mark in body for mark in _CHALLENGE_PAGES)


def retry_after_seconds(headers: Mapping[str, str], now: float | None = None) -> int | None:
    """Return how long the header `Retry-After` asks to wait, at most an hour.

    None if it is missing, is neither a number of seconds nor a date, or asks for no wait. `now` is
    in seconds since 1970; this machine's clock by default.
    """
    value = headers.get("Retry-After", "").strip()
    if not value or len(value) > _LONGEST_VALUE or not value.isascii():
        return None
    if value.isdigit():
        seconds = int(value)
    else:
        try:
            until = parsedate_to_datetime(value).timestamp()
        except (ValueError, OverflowError):
            return None
        seconds = int(until - (time.time() if now is None else now))
    return min(seconds, MAX_WAIT_SECONDS) if seconds > 0 else None
