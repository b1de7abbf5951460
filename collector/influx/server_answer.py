"""A server's answer, made safe where it enters: bounded, on one line, without our secrets.

Nothing of what a server says goes past this module in any other form, except JSON that is parsed
here and read by `collector.influx.api`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from pydantic_core import from_json

from collector.influx.secret_mask import SecretMask, shown_url
from collector.text import one_line
from collector.times import retry_after_seconds

_BODY_BYTES: Final = 64 * 1024
"""Most that is read of an answer, unpacked."""
_RAW_LIMIT: Final = 4096
_MESSAGE_LIMIT: Final = 500
"""Characters of an answer that are kept."""
RETRY_AFTER_LIMIT_SECONDS: Final = 900.0
"""Longest `Retry-After` that is honoured."""
_TITLE: Final = re.compile(r"<title[^<>]*>(.*?)(?:</title|\Z)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """What a server answered to one request."""

    status: int
    message: str = ""
    """The message in its JSON, or its text, or the title of its page: safe to log."""
    content: object = None
    """Its JSON as it came, secrets included; None if it is none."""
    is_empty: bool = True
    """Whether the body is empty."""
    is_html: bool = False
    """Whether it is a page for a browser, or any other markup."""
    location: str = ""
    """Where a redirect leads to, safe to log."""
    build: str = ""
    """The header `X-Influxdb-Build`, safe to log."""
    retry_after_seconds: float | None = None
    """When the server asks to be tried again; None if it does not."""

    @property
    def json_object(self) -> dict[str, object]:
        """The JSON object of the body; an empty one if it is none."""
        return self.content if isinstance(self.content, dict) else {}


async def read_answer(response: aiohttp.ClientResponse, mask: SecretMask) -> ServerAnswer:
    """Read a response up to the limit. Raise TimeoutError, aiohttp.ClientError or OSError."""
    body = b""
    while len(body) < _BODY_BYTES and (part := await response.content.read(_BODY_BYTES)):
        body += part
    return make_answer(response.status, body[:_BODY_BYTES], response.headers, mask)


def make_answer(
    status: int, body: bytes, headers: Mapping[str, str], mask: SecretMask
) -> ServerAnswer:
    """Return the answer of a status, a body and headers."""
    text = body.decode(errors="replace")
    is_html = "html" in headers.get("Content-Type", "").lower() or text.lstrip().startswith("<")
    try:
        content = None if is_html else from_json(body)
    except ValueError:  # too deeply nested is one as well
        content = None
    message = _page_title(text) if is_html else _message(content) or text
    location = headers.get("Location", "")
    after = retry_after_seconds(headers.get("Retry-After"))
    return ServerAnswer(
        status=status,
        message=safe_text(message, mask),
        content=content,
        is_empty=not body.strip(),
        is_html=is_html,
        location=safe_text(shown_url(location), mask) if location else "",
        build=safe_text(headers.get("X-Influxdb-Build", ""), mask),
        retry_after_seconds=None if after is None else min(after, RETRY_AFTER_LIMIT_SECONDS),
    )


def safe_text(text: str, mask: SecretMask) -> str:
    """Return text of a server as one line of 500 characters at most, without our secrets.

    Secrets are hidden before and after cleaning: it must neither cut one nor put one together.
    """
    cleaned = one_line(mask.hide(text)[:_RAW_LIMIT], _RAW_LIMIT)
    return mask.hide(cleaned)[:_MESSAGE_LIMIT].rstrip()


def _page_title(text: str) -> str:
    title = _TITLE.search(text)
    return f"an HTML page: {title[1]}" if title else "an HTML page"


def _message(content: object) -> str:
    """Return the message of a JSON answer of any generation, or ''."""
    if not isinstance(content, dict):
        return ""
    results = content.get("results")  # of InfluxQL
    if isinstance(results, list) and results and isinstance(results[0], dict):
        content = results[0]
    message = content.get("message") or content.get("error")
    return message if isinstance(message, str) else ""
