"""Registered addresses, as strangers type them."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.directory.address import LIMIT, SHOWN, parse_address
from collector.model.failure import Failure
from tests.support.directory_fakes import recorded


@pytest.mark.parametrize(
    ("registered", "text", "host"),
    [
        pytest.param("https://a.example.org", "https://a.example.org", "a.example.org", id="plain"),
        pytest.param("https://a.example.org//", "https://a.example.org", "a.example.org", id="/"),
        pytest.param(" https://a.b\n", "https://a.b", "a.b", id="white-space-around"),
        pytest.param("HTTPS://Aleph.ufa.ru", "https://aleph.ufa.ru", "aleph.ufa.ru", id="case"),
        pytest.param("http://ovh.staging.aleph.sh", "http://ovh.staging.aleph.sh",
                     "ovh.staging.aleph.sh", id="http"),
        pytest.param("a.b", "https://a.b", "a.b", id="no-scheme"),
        pytest.param("a.b:4020/x", "https://a.b:4020/x", "a.b", id="no-scheme-port-path"),
        pytest.param("https://a.b/CRN/x/", "https://a.b/CRN/x", "a.b", id="path-prefix"),
        pytest.param(
            *("https://a.b/@all/<!all>/[x](y)", "https://a.b/%40all/%3C!all%3E/%5Bx%5D(y)", "a.b"),
            id="path-that-calls-in-a-chat",
        ),
        pytest.param("https://a.b:443/", "https://a.b", "a.b", id="own-port-https"),
        pytest.param("http://a.b:80", "http://a.b", "a.b", id="own-port-http"),
        pytest.param("http://a.b:443", "http://a.b:443", "a.b", id="other-port"),
        pytest.param("https://a.b:", "https://a.b", "a.b", id="colon-without-port"),
        pytest.param("https://a.b./", "https://a.b", "a.b", id="trailing-dot"),
        pytest.param("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC",
                     "xn--bcher-kva.example", id="idna"),
        pytest.param("https://a。b", "https://a.b", "a.b", id="ideographic-dot"),
        pytest.param("https://a_b.c", "https://a_b.c", "a_b.c", id="underscore"),
        pytest.param("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1", id="ipv4"),
        pytest.param("https://\uff11\uff12\uff17.0.0.1", "https://127.0.0.1", "127.0.0.1",
                     id="wide-digits"),
        pytest.param("[2001:DB8::1]:4020", "https://[2001:db8::1]:4020", "2001:db8::1", id="ipv6"),
        pytest.param("https://google.com", "https://google.com", "google.com", id="no-node"),
    ],
)  # fmt: skip
def test_accepted(registered: str, text: str, host: str) -> None:
    """An address that can be dialled has one form, and its host is known."""
    address = parse_address(registered)
    assert (address.text, address.host, address.refused) == (text, host, Failure.NONE)


@pytest.mark.parametrize(
    "registered",
    [
        pytest.param("", id="empty"),
        pytest.param("  \n", id="blank"),
        pytest.param("http//Facebook.com", id="http//"),
        pytest.param("https//uos.org", id="https//"),
        pytest.param("http//maticinvesting.online/ref/0x12", id="http//-with-path"),
        pytest.param("https://", id="scheme-alone"),
        pytest.param("//a.b", id="no-host"),
        pytest.param("ftp://a.b", id="ftp"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("a.b://c.d", id="unknown-scheme"),
        pytest.param("mailto:a@b.c", id="mailto"),
        pytest.param("https://user@a.b", id="user"),
        pytest.param("https://user:word@a.b", id="user-and-password"),
        pytest.param("https://@a.b", id="empty-user"),
        pytest.param("https://a.b/eth?erc_20=precise&q=1", id="query"),
        pytest.param("https://a.b?", id="empty-query"),
        pytest.param("https://a.b/#top", id="fragment"),
        pytest.param("https://a.b\\@c.d", id="backslash"),
        pytest.param("https://a b.c", id="space-inside"),
        pytest.param("https://a.b/c\td", id="tab-inside"),
        pytest.param("https://a.b/\x00", id="control"),
        pytest.param("https://a\u200b.b", id="invisible"),
        pytest.param("https://a.b\u202ec", id="bidirectional"),
        pytest.param("https://\ud800.b", id="lone-surrogate"),
        pytest.param("localhost", id="single-label"),
        pytest.param("https://localhost:8080", id="single-label-with-port"),
        pytest.param("https://a..b", id="empty-label"),
        pytest.param("https://.a.b", id="leading-dot"),
        pytest.param("https://-a.b", id="leading-dash"),
        pytest.param(f"https://{'a' * 64}.b", id="long-label"),
        pytest.param(f"https://{'a.' * 130}b", id="long-host"),
        pytest.param("https://%31.b.c", id="percent-in-host"),
        pytest.param("https://a.b:0", id="port-0"),
        pytest.param("https://a.b:65536", id="port-65536"),
        pytest.param("https://a.b:99999999", id="port-huge"),
        pytest.param("https://a.b:-1", id="port-negative"),
        pytest.param("https://a.b:٣", id="port-in-other-digits"),
        pytest.param("2130706433", id="ipv4-as-one-number"),
        pytest.param("https://0x7f.1", id="ipv4-hex"),
        pytest.param("https://127.1", id="ipv4-short"),
        pytest.param("https://127.0.0.0x1", id="ipv4-hex-at-the-end"),
        pytest.param("https://0177.0.0.01", id="ipv4-octal"),
        pytest.param("https://1.2.3.4.5", id="five-numbers"),
        pytest.param("https://[::1", id="open-bracket"),
        pytest.param("https://[a.b]", id="name-in-brackets"),
        pytest.param("https://[fe80::1%25eth0]", id="zone"),
        pytest.param("https://a.b/" + "x" * LIMIT, id="too-long"),
        pytest.param("https://a.b/" + "é" * 200, id="too-long-once-encoded"),
    ],
)  # fmt: skip
def test_refused(registered: str) -> None:
    """What cannot be dialled at all is an invalid address without a host, shown cut and clean."""
    address = parse_address(registered)
    assert (address.refused, address.host) == (Failure.INVALID_ADDRESS, "")
    assert len(address.text) <= SHOWN
    assert address.text.isprintable()


@given(st.text(max_size=80) | st.from_regex(r"(https?://)?[^/]{0,20}\.[^/]{0,9}(/.*)?"))
@example("https://xn--.a")
@example("https://a.b/%zz/../\u0301")
def test_any_text(registered: str) -> None:
    """No text can raise, and what was accepted is its own only form."""
    address = parse_address(registered)
    if address.refused is Failure.NONE:
        assert parse_address(address.text) == address
        assert address.text.isascii()
        assert not address.text.endswith("/")


def test_real_targets() -> None:
    """Of the 277 recorded targets only those are refused that no base URL can be."""
    targets = json.loads(recorded("crn_targets_2023-11-29.json"))
    refused = {
        target["url"]
        for target in targets
        if parse_address(target["url"]).refused is not Failure.NONE
    }
    assert len(targets) == 277
    assert all("://http" in url or "?" in url for url in refused), refused
