"""What answers to writes mean."""

from __future__ import annotations

import pytest

from collector.influx.advice import Advice
from collector.influx.secret_mask import SecretMask
from collector.influx.server_answer import make_answer
from collector.influx.write_result import Fate, WriteResult, classify

BLOCKED, REJECT = Fate.BLOCKED, Fate.REJECT
PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in\n to Example</title></head></html>"
CONFLICT = (
    'partial write: field type conflict: input field \\"v\\" on measurement \\"m\\" is type float, '
    "already exists as type integer dropped=2"
)
OLD_2 = (
    '{"code":"unprocessable entity","message":"failure writing points to database: partial write: '
    "dropped 3 points outside retention policy of duration 24h0m0s - oldest point m,host=a at "
    '2001-09-09T01:46:40Z dropped because it violates a Retention Policy Lower Bound"}'
)


def fate(status: int, body: bytes | str = b"", **headers: str) -> WriteResult:
    """Return what an answer means."""
    packed = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return classify(make_answer(status, packed, named, SecretMask()))


@pytest.mark.parametrize(
    ("status", "body", "expected", "advice"),
    [
        (204, "", Fate.ACCEPT, ""),
        (200, "", Fate.ACCEPT, ""),
        (201, "\n", Fate.ACCEPT, ""),
        (200, PAGE, BLOCKED, Advice.URL),
        (200, '{"error":"session expired"}', BLOCKED, Advice.URL),
        (200, "{}", BLOCKED, Advice.URL),
        (201, PAGE, BLOCKED, Advice.URL),
        (202, "", BLOCKED, Advice.URL),
        (203, "", BLOCKED, Advice.URL),
        (206, "", BLOCKED, Advice.URL),
        (301, "", BLOCKED, Advice.REDIRECT),
        (304, "", BLOCKED, Advice.REDIRECT),
        (401, "no", BLOCKED, Advice.TOKEN),
        (403, PAGE, BLOCKED, Advice.TOKEN),
        (404, '{"message":"bucket \\"b\\" not found"}', BLOCKED, Advice.BUCKET),
        (404, '{"message":"bucket not found"}', BLOCKED, Advice.BUCKET),
        (404, '{"error":"database not found: \\"b\\""}', BLOCKED, Advice.BUCKET),
        (404, '{"error":"bucket name \\"\\" is missing a slash"}', BLOCKED, Advice.BUCKET),
        (404, '{"message":"organization name \\"x\\" not found"}', BLOCKED, Advice.ORG),
        (404, PAGE, BLOCKED, Advice.URL),
        (404, "404 page not found", BLOCKED, Advice.URL),
        (405, "", BLOCKED, Advice.URL),
        (415, "", BLOCKED, Advice.URL),
        (400, PAGE, BLOCKED, Advice.URL),
        (400, "<html>\r\n<center>400 Bad Request</center>", BLOCKED, Advice.URL),
        (422, PAGE, BLOCKED, Advice.URL),
        (400, '{"error":"database is required"}', BLOCKED, Advice.BUCKET),
        (400, '{"message":"Please provide either orgID or org"}', BLOCKED, Advice.ORG),
        (400, '{"error":"invalid precision \\"x\\" (use ns or s)"}', BLOCKED, Advice.REQUEST),
        (400, '{"error":"gzip: invalid header"}', Fate.UNCLEAR, ""),
        (400, '{"error":"bad request"}', Fate.UNCLEAR, ""),
        (400, "", Fate.UNCLEAR, ""),
        (422, "[1]", Fate.UNCLEAR, ""),
        (400, "[" * 100_000, Fate.UNCLEAR, ""),
        (400, f'{{"error":"{CONFLICT}"}}', REJECT, ""),
        (422, f'{{"message":"failure writing points to database: {CONFLICT}"}}', REJECT, ""),
        (400, '{"error":"field type conflict"}', REJECT, ""),
        (400, "{\"error\":\"unable to parse 'organization,bucket= v=1': x\"}", REJECT, ""),
        (400, '{"error":"partial write: points beyond retention policy dropped=7"}', REJECT, ""),
        (400, '{"error":"parsing for line protocol failed"}', REJECT, ""),
        (400, '{"error":"invalid column type for column \'v\'"}', REJECT, ""),
        (413, PAGE, Fate.SPLIT, ""),
        (500, '{"error":"retention policy not found: short"}', BLOCKED, Advice.BUCKET),
        (500, PAGE, Fate.KEEP, ""),
        (502, PAGE, Fate.KEEP, ""),
        (503, "", Fate.KEEP, ""),
        (408, "", Fate.KEEP, ""),
        (425, "", Fate.KEEP, ""),
        (429, PAGE, Fate.KEEP, ""),
        (507, "", Fate.KEEP, ""),
    ],
)  # fmt: skip
def test_fate(status: int, body: bytes | str, expected: Fate, advice: str) -> None:
    """Only what InfluxDB answers accepts; a refusal is of lines if its words say so."""
    result = fate(status, body)
    assert (result.fate, result.advice) == (expected, advice)
    assert result.message.startswith(str(status)) or expected is Fate.ACCEPT


@pytest.mark.parametrize(
    ("body", "dropped", "refused"),
    [
        ('{"error":"partial write: points beyond retention policy dropped=7"}', 7, 0),
        (OLD_2, 3, 0),
        (
            '{"error":"partial write: point time is expired, compared with rp duration dropped=4"}',
            4,
            0,
        ),
        (f'{{"error":"{CONFLICT}"}}', 0, 2),
        ('{"error":"partial write: unable to parse \'x\': missing fields dropped=0"}', 0, 0),
        (f'{{"error":"partial write: points beyond retention policy dropped={"9" * 5000}"}}', 0, 0),
    ],
    ids=["1.x", "2.x", "openGemini", "conflict", "unreadable", "absurd"],
)
def test_counts(body: str, dropped: int, refused: int) -> None:
    """What the words count: lines older than the retention, and lines of another type."""
    result = fate(422, body)
    assert (result.fate, result.dropped, result.refused) == (REJECT, dropped, refused)


def test_who_asks_for_time() -> None:
    """`Retry-After` is heeded; what a batch may have broken is sent after others."""
    busy, broken = fate(503, Retry_After="9"), fate(500, "[1]")
    assert busy == WriteResult(Fate.KEEP, "503", retry_after_seconds=9.0)
    assert broken == WriteResult(Fate.KEEP, "500 [1]", is_suspect=True)


def test_redirect_names_where_to() -> None:
    """A redirect says where to, without the secrets in it."""
    result = fate(302, Location="https://me:geheim@login.example/a?next=geheim#geheim")
    assert result.message == "302 redirects to https://login.example/a"
    assert fate(307).message == "307 redirects to nowhere"


def test_empty_page() -> None:
    """A page for a browser that happens to be empty is no answer of InfluxDB."""
    assert fate(200, "", Content_Type="text/html").fate is BLOCKED
