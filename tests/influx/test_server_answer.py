"""Answers of a server, made safe where they enter."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, quote_plus

import pytest

from collector.influx.secret_mask import SecretMask, shown_url
from collector.influx.server_answer import RETRY_AFTER_LIMIT_SECONDS, make_answer
from collector.influx.target import Target

TOKEN = 'me:ge heim/"é+<&>'
PASSWORD = TOKEN.partition(":")[2]


def message(body: str, **headers: str) -> str:
    """Return the message of an answer to somebody with this token."""
    return make_answer(
        400, body.encode(), headers, Target("http://a", "b", token=TOKEN).mask()
    ).message


@pytest.mark.parametrize(
    "echo",
    [
        TOKEN,
        PASSWORD,
        PASSWORD.upper(),
        base64.b64encode(TOKEN.encode()).decode(),
        base64.urlsafe_b64encode(TOKEN.encode()).decode(),
        base64.b64encode(PASSWORD.encode()).decode(),
        quote(TOKEN),
        quote(TOKEN, safe=""),
        quote(PASSWORD, safe="").lower(),
        quote_plus(TOKEN),
        PASSWORD.replace(" ", " \u200b"),
        PASSWORD.replace(" ", "\r\n\t"),
        "".join(f"{letter}\x00" for letter in PASSWORD),
        'me:ge heim/\\"\\u00e9+<&>',
        "me:ge heim/&quot;é+&lt;&amp;&gt;",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["{}", '{{"error":"{}"}}', "<html><title>{}</title>"])
def test_secrets_are_hidden(echo: str, form: str) -> None:
    """A server that sends back what it was sent gets it into no message, in no form."""
    body = form.format(re.sub(r'(?<!\\)"', r"\"", echo) if form.startswith("{{") else echo)
    shown = message(f"{'x' * 480} {body}") + message(body)
    assert "heim" not in shown.lower()
    assert base64.b64encode(b"me:ge heim").decode()[:9] not in shown


def test_shown_safely() -> None:
    """Escape sequences, controls and huge texts of a server reach nobody."""
    assert message("\x1b]0;title\x07\x1b[31mred\x9b2J\u202eabc\r\n\tone  more") == (
        "]0;title[31mred2Jabc one more"
    )
    assert len(message("é" * 1_000_000)) == 500
    assert message('{"error":{"a":1}}') == '{"error":{"a":1}}'
    assert message('{"error":"a\\u001b[2Jb"}') == "a[2Jb"
    assert message("[" * 100_000).startswith("[[[")
    assert message("<html><title>Hi\x1b[1m</title>") == "an HTML page: Hi[1m"
    assert message("<html><p>Hi</p>") == "an HTML page"
    assert message("text", **{"Content-Type": "text/html"}) == "an HTML page"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://localhost:8086", "http://localhost:8086"),
        ("http://me:geheim@db:8086/influx/?p=geheim#geheim", "http://db:8086/influx"),
        ("/elsewhere?token=geheim", "/elsewhere"),
        ("http://[", "(not a URL)"),
        ("http://a/\x1b[31m", "http://a/%1B%5B31m"),
    ],
)
def test_shown_url(url: str, shown: str) -> None:
    """A URL is shown without user, password, query and fragment."""
    assert shown_url(url) == shown


def test_nothing_to_hide() -> None:
    """Without a token, words stay as they are."""
    assert SecretMask("", "").hide("as it is") == "as it is"


def test_the_longest_wait() -> None:
    """What a database asks for is heeded, for a quarter of an hour at most."""
    mask = SecretMask("")
    waits = [make_answer(503, b"", {"Retry-After": asked}, mask) for asked in ("17", "86400")]
    assert [answer.retry_after_seconds for answer in waits] == [17.0, RETRY_AFTER_LIMIT_SECONDS]
    assert make_answer(503, b"", {}, mask).retry_after_seconds is None
