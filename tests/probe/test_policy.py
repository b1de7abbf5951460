"""Which addresses and hosts are dialled."""

from __future__ import annotations

import pytest

from collector.probe.policy import AddressPolicy

FORBIDDEN = {
    "private-10": "10.1.2.3",
    "private-172": "172.31.255.255",
    "private-192": "192.168.0.1",
    "loopback": "127.0.0.1",
    "loopback-other": "127.200.0.9",
    "unspecified": "0.0.0.0",
    "this-network": "0.1.2.3",
    "link-local": "169.254.169.254",
    "cgnat": "100.64.0.1",
    "cgnat-end": "100.127.255.254",
    "protocol-assignments": "192.0.0.192",
    "documentation": "203.0.113.7",
    "benchmark": "198.18.0.1",
    "relay-anycast": "192.88.99.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "v6-loopback": "::1",
    "v6-unspecified": "::",
    "v6-link-local": "fe80::1",
    "v6-scoped": "2606:4700::1111%eth0",
    "v6-link-local-scoped": "fe80::1%eth0",
    "v6-unique-local": "fd00:ec2::254",
    "v6-site-local": "fec0::1",
    "v6-multicast": "ff0e::1",
    "v6-documentation": "2001:db8::1",
    "v6-documentation-new": "3fff::1",
    "v6-discard": "100::1",
    "v6-unassigned": "4000::1",
    "teredo": "2001::1",
    "compatible": "::8.8.8.8",
    "mapped-private": "::ffff:10.0.0.1",
    "mapped-loopback": "::ffff:127.0.0.1",
    "mapped-metadata": "::ffff:169.254.169.254",
    "nat64-loopback": "64:ff9b::127.0.0.1",
    "nat64-private": "64:ff9b::192.168.1.1",
    "nat64-local": "64:ff9b:1::1",
    "6to4-private": "2002:c0a8:0101::1",
    "6to4-loopback": "2002:7f00:0001::1",
    "empty": "",
    "not-an-address": "node.example",
    "decimal": "2130706433",
    "short": "127.1",
    "octal": "0177.0.0.1",
    "hex": "0x7f000001",
}
ALLOWED = {
    "v4": "8.8.8.8",
    "v4-end-of-cgnat": "100.128.0.1",
    "v6": "2606:4700:4700::1111",
    "mapped-public": "::ffff:8.8.8.8",
    "nat64-public": "64:ff9b::8.8.8.8",
    "6to4-public": "2002:808:808::1",
}


def cases(table: dict[str, str]) -> list[object]:
    return [pytest.param(address, id=name) for name, address in table.items()]


@pytest.mark.parametrize("address", cases(FORBIDDEN))
def test_address_is_not_dialled(address: str) -> None:
    """No private, loopback, link-local, CGNAT, multicast or reserved address, in any disguise."""
    assert AddressPolicy().forbids(address)


@pytest.mark.parametrize("address", cases(ALLOWED))
def test_address_is_dialled(address: str) -> None:
    """Public addresses are dialled, and those that only wrap a public one."""
    assert not AddressPolicy().forbids(address)


@pytest.mark.parametrize(
    ("address", "forbidden"),
    [
        pytest.param("10.1.2.3", False, id="inside"),
        pytest.param("10.2.0.1", True, id="outside"),
        pytest.param("::ffff:10.1.2.3", False, id="inside-when-mapped"),
        pytest.param("64:ff9b::10.1.2.3", False, id="inside-behind-nat64"),
        pytest.param("::1", False, id="v6"),
        pytest.param("::2", True, id="v6-outside"),
    ],
)
def test_exceptions_by_network(address: str, forbidden: bool) -> None:
    """An operator's own networks are dialled, in every form of the address."""
    policy = AddressPolicy.of(allowed_networks=["10.1.0.0/16", "::1/128"])
    assert policy.forbids(address) is forbidden


@pytest.mark.parametrize(
    ("host", "forbidden"),
    [
        pytest.param("google.com", True, id="itself"),
        pytest.param("www.google.com", True, id="subdomain"),
        pytest.param("WWW.Google.Com.", True, id="case-and-dot"),
        pytest.param("notgoogle.com", False, id="other-label"),
        pytest.param("google.com.evil.example", False, id="prefix"),
        pytest.param("com", False, id="parent"),
        pytest.param("", False, id="empty"),
    ],
)
def test_forbidden_hosts(host: str, forbidden: bool) -> None:
    """A listed host is meant with its subdomains, and nothing else is."""
    assert AddressPolicy.of(forbidden_hosts=["Google.com."]).forbids_host(host) is forbidden


def test_a_network_that_is_none() -> None:
    """What is not a CIDR is refused when the policy is made."""
    with pytest.raises(ValueError, match="host bits"):
        AddressPolicy.of(allowed_networks=["10.0.0.1/8"])
