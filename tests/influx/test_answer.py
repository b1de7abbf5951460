"""Answers and their fates, back-off, and telling the generations apart."""

from __future__ import annotations

import pytest

from collector.influx.backoff import Backoff
from collector.influx.generation import Generation, Reply, recognise
from collector.influx.write_result import (
    RETRY_AFTER_LIMIT_SECONDS,
    Fate,
    WriteResult,
    classify_response,
    retry_after,
)

PASS = b'{"status":"pass"}'
NOTHING = Reply(404, b"404 page not found\n", "")


@pytest.mark.parametrize(
    ("status", "body", "answer"),
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
        (401, b"no", WriteResult(Fate.ACT, "401 no")),
        (403, b"no", WriteResult(Fate.ACT, "403 no")),
        (404, b'{"message":"bucket not found"}', WriteResult(Fate.ACT, "404 bucket not found")),
        (301, b"", WriteResult(Fate.ACT, "301")),
        (408, b"", WriteResult(Fate.KEEP, "408")),
        (429, b"", WriteResult(Fate.KEEP, "429", retry_after_seconds=9.0)),
        (503, b"", WriteResult(Fate.KEEP, "503", retry_after_seconds=9.0)),
        (500, b"[1]", WriteResult(Fate.KEEP, "500 [1]", retry_after_seconds=9.0, ill=True)),
        (507, b"\xff\n\n disk", WriteResult(Fate.KEEP, "507 \ufffd disk", retry_after_seconds=9.0)),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_meaning(status: int, body: bytes, answer: WriteResult) -> None:
    """Each status has its fate, with the server's words on one line."""
    headers = {"Retry-After": "9"} if answer.retry_after_seconds else {}
    assert classify_response(status, body, headers) == answer


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
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Seconds or a date, never negative and never more than a quarter of an hour."""
    assert retry_after(value, now=946_684_800.0) == seconds


def test_backoff() -> None:
    """Doubles up to a ceiling, half of it by chance, and never less than what was asked for."""
    least, most = Backoff(1, 60, lambda: 0.0), Backoff(1, 60, lambda: 1.0)
    assert [least.seconds(n) for n in (1, 2, 3, 7, 10_000)] == [0.5, 1, 2, 30, 30]
    assert [most.seconds(n) for n in (1, 2, 3, 7, 10_000)] == [1, 2, 4, 60, 60]
    assert most.seconds(1, asked_seconds=100) == 100
    assert most.seconds(9, asked_seconds=1) == 60


@pytest.mark.parametrize(
    ("setup", "ping", "health", "generation"),
    [
        (NOTHING, Reply(204, b"", ""), NOTHING, Generation.V1),
        (NOTHING, Reply(204, b"", "OSS"), Reply(200, PASS, ""), Generation.V1_8),
        (NOTHING, Reply(204, b"", "OSS"), Reply(503, b'{"status":"fail"}', ""), Generation.V1_8),
        (
            Reply(200, b'{"allowed":false}', ""),
            Reply(204, b"", "OSS"),
            Reply(200, PASS, ""),
            Generation.V2,
        ),
        (NOTHING, Reply(200, b"{}", "Core"), Reply(200, b"OK", ""), Generation.V3),
        (NOTHING, Reply(200, b'{"version":"3"}', ""), Reply(200, b"OK", ""), Generation.V3),
        (Reply(200, b"<html>", ""), Reply(200, b"<html>", ""), Reply(200, b"<html>", ""), None),
        (Reply(200, b"[]", ""), NOTHING, NOTHING, None),
        (NOTHING, Reply(204, b"", ""), Reply(502, b"", ""), None),
    ],
    ids=["1.6", "1.8", "1.8 not ready", "2", "3", "3 by JSON", "web page", "list", "bad gateway"],
)
def test_recognise(setup: Reply, ping: Reply, health: Reply, generation: Generation | None) -> None:
    """A generation is known by its answers, and anything else by none."""
    assert recognise(setup, ping, health) is generation
