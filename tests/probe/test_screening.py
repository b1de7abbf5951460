"""Answers of proxies that keep visitors away, and how long they want them to wait."""

from __future__ import annotations

import ssl

import pytest
from multidict import CIMultiDict

from collector.model.failure import Failure
from collector.probe.screening import is_screened, wait_seconds
from crn_simulator.script.fault import Fault
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.host import Host
from tests.support.probe_bed import CONFIG, USAGE, open_bed
from tests.support.tls_servers import Lines, answer

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "screened"),
    [
        pytest.param(429, {}, b"", True, id="too-many-requests"),
        pytest.param(403, {"CF-Mitigated": "challenge"}, b"", True, id="cloudflare"),
        pytest.param(503, {"cf-mitigated": "challenge"}, b"", True, id="cloudflare-503"),
        pytest.param(403, {"cf-mitigated": "block"}, b"", False, id="cloudflare-blocks"),
        pytest.param(403, {"Server": "cloudflare"}, b"", False, id="cloudflare-passes-403"),
        pytest.param(202, {"x-amzn-waf-action": "challenge"}, b"", True, id="aws"),
        pytest.param(405, {"x-amzn-waf-action": "captcha"}, b"", True, id="aws-captcha"),
        pytest.param(403, {"x-vercel-mitigated": "challenge"}, b"", True, id="vercel"),
        pytest.param(403, {"x-dd-b": "1"}, b"", True, id="datadome"),
        pytest.param(200, HTML, b"<script id=anubis_challenge>", True, id="anubis"),
        pytest.param(403, HTML, b"<iframe src=/_Incapsula_Resource?x>", True, id="imperva"),
        pytest.param(200, {}, b'{"a":"anubis_challenge"}', False, id="no-page"),
        pytest.param(403, HTML, b"<h1>403 Forbidden</h1>", False, id="plain-403"),
    ],
)
def test_what_is_screened(
    status: int, headers: dict[str, str], body: bytes, screened: bool
) -> None:
    """Too many requests and challenge pages are, by what their makers document; blocks are not."""
    assert is_screened(status, CIMultiDict(headers), body) is screened


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("120", 120, id="seconds"),
        pytest.param(" 120 ", 120, id="blanks"),
        pytest.param("86400", 3600, id="a-day"),
        pytest.param("9" * 40, 3600, id="many-digits"),
        pytest.param("Fri, 15 Jan 2027 08:02:00 GMT", 120, id="date"),
        pytest.param("Sat, 16 Jan 2027 08:02:00 GMT", 3600, id="date-tomorrow"),
        pytest.param("Fri, 15 Jan 2027 07:00:00 GMT", None, id="date-past"),
        pytest.param("Fri, 31 Feb 2027 08:00:00 GMT", None, id="no-date"),
        pytest.param("Fri, 15 Jan 99999 08:00:00 GMT", None, id="year-99999"),
        pytest.param("0", None, id="zero"),
        pytest.param("-5", None, id="negative"),
        pytest.param("1e3", None, id="exponent"),
        pytest.param("inf", None, id="infinite"),
        pytest.param("\u0661\u0662", None, id="other-digits"),
        pytest.param("9" * 8000, None, id="long"),
        pytest.param("soon", None, id="word"),
        pytest.param("", None, id="empty"),
    ],
)
def test_retry_after(value: str, seconds: int | None) -> None:
    """Seconds or a date, at most an hour; what is neither is no wish."""
    assert wait_seconds(CIMultiDict({"Retry-After": value}), NOW) == seconds


async def test_the_longest_wish_counts(context: ssl.SSLContext, authority: Authority) -> None:
    """A node that shows itself on one endpoint is reachable, and waited for as the other asks."""
    table = {
        CONFIG: answer("{}", "404 Not Found", "Server: Caddy, aleph-vm/0.3.0", "Retry-After: 900"),
        USAGE: answer("", "429 Too Many Requests", "Retry-After: 300"),
    }
    async with (
        Host(authority=authority, responder=Lines(table)) as host,
        open_bed(context) as bed,
    ):
        bed.know(host)
        observation = await bed.look(host)
    assert (observation.reachable, observation.version) == (True, "0.3.0")
    assert [p.failure for p in observation.probes] == [Failure.CLIENT_ERROR, Failure.SCREENED]
    assert observation.retry_after_seconds == 300


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        pytest.param(Fault.CERT_EXPIRED, "certificate has expired", id="own"),
        pytest.param(
            Fault.CERT_INTERMEDIATE_EXPIRED,
            "the intermediate certificate Simulated Intermediate has expired",
            id="intermediate",
        ),
    ],
)
async def test_which_certificate_has_expired(
    context: ssl.SSLContext, authority: Authority, fault: Fault, detail: str
) -> None:
    """The detail says so if it is an intermediate certificate and not the node's own."""
    async with Host(NodeSpec(fault=fault), authority=authority) as host, open_bed(context) as bed:
        bed.know(host)
        (probe,) = (await bed.look(host)).probes
    assert probe.failure is Failure.TLS_EXPIRED
    assert detail in probe.detail
    assert ("intermediate" in probe.detail) is (fault is Fault.CERT_INTERMEDIATE_EXPIRED)
