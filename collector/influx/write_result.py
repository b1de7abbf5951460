"""What a database's answer to a write means, the same for every generation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from collector.influx.advice import Advice
from collector.influx.server_answer import ServerAnswer

_DROPPED: Final = re.compile(
    r"points beyond retention policy dropped=(\d{1,9})\b"
    r"|dropped (\d{1,9}) points outside retention policy"
    r"|point time is expired, compared with rp duration.{0,40}?dropped=(\d{1,9})\b"
)
"""The messages of 1.x, of 2.x and of openGemini."""
_CONFLICTS: Final = re.compile(r"partial write: field type conflict: .*dropped=(\d{1,9})\b")
"""Of 1.x and 2.x: how many lines were refused, all others are stored."""
_ABOUT_LINES: Final = re.compile(
    r"partial write|unable to parse '|field type conflict|conflict field type"
    r"|parsing for line protocol failed|invalid column type|column type mismatch"
    r"|point time is expired"
)
"""How 1.x, 2.x, 3.x and openGemini say that lines are bad, not the request."""
_ABOUT_REQUEST: Final = (
    (re.compile(r"\borg(?:ID|ani[sz]ation)?\b", re.IGNORECASE), Advice.ORG),
    (
        re.compile(
            r"database is required|bucket name"
            r"|(?:database|bucket|retention policy)\b.{0,200}? not found"
        ),
        Advice.BUCKET,
    ),
    (re.compile(r"\bprecision\b"), Advice.REQUEST),
)
_NO_RETENTION_POLICY: Final = "retention policy not found"
"""1.x says so with 500."""


class Fate(Enum):
    """What becomes of the lines of one write."""

    ACCEPT = "accept"
    """They are stored, or older than the database keeps."""
    REJECT = "reject"
    """At least one of them is bad; the halves are written to find out which."""
    UNCLEAR = "unclear"
    """The words tell neither a line nor the request; single lines are written to find out."""
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
    """Status and message of the database, safe to log; '' if it accepted."""
    advice: Advice = Advice.NONE
    """What an operator can do, where one is needed."""
    dropped: int = 0
    """Lines that it reports as older than it keeps."""
    refused: int = 0
    """Lines that it reports as refused for good while it stored all others."""
    retry_after_seconds: float | None = None
    """When it asks to be tried again; None if it does not."""
    is_suspect: bool = False
    """Whether this batch in particular may be the cause; others go first."""

    @property
    def is_kept(self) -> bool:
        """Whether the lines wait for another write."""
        return self.fate in (Fate.KEEP, Fate.BLOCKED)


def classify(answer: ServerAnswer) -> WriteResult:
    """Return what an answer to a write means, by its status, body and words.

    Accepted is only what is answered as InfluxDB does: 204, or 200 or 201 without a body.
    """
    status = answer.status
    message = f"{status} {answer.message}".strip()
    if status == 204 or (status in (200, 201) and answer.is_empty and not answer.is_html):
        return WriteResult(Fate.ACCEPT)
    if status < 300:
        return WriteResult(Fate.BLOCKED, message, Advice.URL)
    if status < 400:
        where = f"redirects to {answer.location or 'nowhere'}"
        return WriteResult(Fate.BLOCKED, f"{status} {where}", Advice.REDIRECT)
    if status == 413:
        return WriteResult(Fate.SPLIT, message)
    if status in (408, 425, 429) or status >= 500:
        return _unavailable(answer, message)
    if answer.is_html and status not in (401, 403):
        return WriteResult(Fate.BLOCKED, message, Advice.URL)
    if status in (400, 422):
        return _refused(answer.message, message)
    return WriteResult(Fate.BLOCKED, message, _advice(answer))


def _unavailable(answer: ServerAnswer, message: str) -> WriteResult:
    """The server cannot take it now, but for what no time will heal."""
    if _NO_RETENTION_POLICY in answer.message:
        return WriteResult(Fate.BLOCKED, message, Advice.BUCKET)
    return WriteResult(
        Fate.KEEP,
        message,
        retry_after_seconds=answer.retry_after_seconds,
        is_suspect=answer.status in (500, 502, 504),
    )


def _refused(words: str, message: str) -> WriteResult:
    """Lines are bad, or the request is, or the words do not tell."""
    if _ABOUT_LINES.search(words):
        dropped, conflicts = _DROPPED.search(words), _CONFLICTS.search(words)
        return WriteResult(
            Fate.REJECT,
            message,
            dropped=int(next(filter(None, dropped.groups()))) if dropped else 0,
            refused=int(conflicts[1]) if conflicts else 0,
        )
    for pattern, advice in _ABOUT_REQUEST:
        if pattern.search(words):
            return WriteResult(Fate.BLOCKED, message, advice)
    return WriteResult(Fate.UNCLEAR, message)


def _advice(answer: ServerAnswer) -> Advice:
    """Return what to do about a request that is not granted."""
    if answer.status in (401, 403):
        return Advice.TOKEN
    for pattern, advice in _ABOUT_REQUEST:
        if pattern.search(answer.message):
            return advice
    return Advice.URL
