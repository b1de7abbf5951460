"""What responses to writes mean."""

from __future__ import annotations

import pytest

from collector.influx.write_result import (
    RETRY_AFTER_LIMIT_SECONDS,
    Fate,
    WriteResult,
    classify_response,
    retry_after_seconds,
)


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        (204, b"", WriteResult(Fate.ACCEPT)),
        (200, b"", WriteResult(Fate.ACCEPT)),
        (
            400,
            b'{"error":"partial write: unable to parse \'x\': missing fields dropped=0"}',
            WriteResult(
                Fate.REJECT, "400 partial write: unable to parse 'x': missing fields dropped=0"
            ),
        ),
        (
            400,
            b'{"error":"partial write: points beyond retention policy dropped=7"}',
            WriteResult(
                Fate.REJECT, "400 partial write: points beyond retention policy dropped=7", 7
            ),
        ),
        (
            422,
            b'{"code":"unprocessable entity","message":"partial write: dropped 3 points outside'
            b' retention policy of duration 1h"}',
            WriteResult(
                Fate.REJECT,
                "422 partial write: dropped 3 points outside retention policy of duration 1h",
                3,
            ),
        ),
        (413, b"", WriteResult(Fate.SPLIT, "413")),
        (401, b"no", WriteResult(Fate.BLOCKED, "401 no")),
        (403, b"no", WriteResult(Fate.BLOCKED, "403 no")),
        (404, b'{"message":"bucket not found"}', WriteResult(Fate.BLOCKED, "404 bucket not found")),
        (301, b"", WriteResult(Fate.BLOCKED, "301")),
        (408, b"", WriteResult(Fate.KEEP, "408")),
        (429, b"", WriteResult(Fate.KEEP, "429", retry_after_seconds=9.0)),
        (503, b"", WriteResult(Fate.KEEP, "503", retry_after_seconds=9.0)),
        (500, b"[1]", WriteResult(Fate.KEEP, "500 [1]", retry_after_seconds=9.0, is_suspect=True)),
        (507, b"\xff\n\n disk", WriteResult(Fate.KEEP, "507 \ufffd disk", retry_after_seconds=9.0)),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_classify_response(status: int, body: bytes, result: WriteResult) -> None:
    """Each status has its fate, with the server's message on one line."""
    headers = {"Retry-After": "9"} if result.retry_after_seconds else {}
    assert classify_response(status, body, headers) == result


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("17", 17.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("nan", 0.0),
        ("inf", RETRY_AFTER_LIMIT_SECONDS),
        ("86400", RETRY_AFTER_LIMIT_SECONDS),
        ("Sat, 01 Jan 2000 00:00:30 GMT", 30.0),
        ("Fri, 31 Dec 1999 00:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
    ids=str,
)
def test_retry_after_seconds(value: str | None, seconds: float | None) -> None:
    """Seconds or a date, never negative and never more than a quarter of an hour."""
    assert retry_after_seconds(value, now=946_684_800.0) == seconds
