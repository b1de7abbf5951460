"""Whether an answer is that of a proxy that keeps visitors away, and how long they are to wait.

By what the makers of such proxies document. The requests of this collector may themselves be why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from collector.model.observation import MAX_WAIT_SECONDS
from collector.times import retry_after_seconds

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


def is_screened(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether an answer says "too many requests" or is a proxy's challenge."""
    if status == _TOO_MANY_REQUESTS:
        return True
    if any(headers.get(name) in values for name, values in _CHALLENGE_HEADERS.items()):
        return True
    is_page = headers.get("Content-Type", "").startswith("text/html")
    return is_page and any(mark in body for mark in _CHALLENGE_PAGES)


def wait_seconds(headers: Mapping[str, str], now: float | None = None) -> int | None:
    """Return how long the header `Retry-After` asks to wait, at most an hour.

    None if it asks for no wait or cannot be read. `now` is in seconds since 1970; this machine's
    clock by default.
    """
    asked = retry_after_seconds(headers.get("Retry-After"), now)
    return min(int(asked), MAX_WAIT_SECONDS) or None if asked is not None else None
