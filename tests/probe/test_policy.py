"""Which addresses and hosts are dialled."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from collector.probe.own_addresses import OwnAddresses
from collector.probe.policy import AddressPolicy, exempt_from_policy


def _addresses() -> list[tuple[str, str]]:
    """Each address of the table, and why it is not dialled; '' if it is."""
    lines = (Path(__file__).parent / "addresses.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    return [(address, "" if reason == "-" else reason) for address, reason in rows]


@pytest.mark.parametrize(("address", "reason"), [*_addresses(), ("", "not an IP address")])
def test_addresses(address: str, reason: str) -> None:
    """Public addresses are dialled, and those that stand for one; all others say what they are."""
    assert AddressPolicy().objection(address) == reason
    assert AddressPolicy().forbids(address) is bool(reason)


def test_addresses_of_this_machine() -> None:
    """They are not dialled in any form, unless the operator lets them in."""
    own = frozenset(map(ip_address, ["8.8.8.8", "2600::8"]))
    policy = AddressPolicy.of(own_addresses=own)
    addresses = ("8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2600::8", "8.8.4.4", "2600::9")
    forbidden = [a for a in addresses if policy.objection(a) == "an address of this machine"]
    assert forbidden == list(addresses[:4])
    allowed = AddressPolicy.of(["8.8.8.8/32", "2600::/32"], own_addresses=own)
    assert not any(map(allowed.forbids, addresses))


def test_addresses_of_this_machine_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interfaces are read at most twice a minute, so that a new address is noticed."""
    clock = iter([0.0, 30.0, 31.0]).__next__
    entry = SimpleNamespace(family=socket.AF_INET, address="8.8.8.8")
    interfaces: dict[str, list[SimpleNamespace]] = {}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: interfaces)
    own = OwnAddresses(clock)
    address = ip_address("8.8.8.8")
    assert address not in own
    interfaces["eth0"] = [entry]
    assert address not in own
    assert address in own


def test_this_machine_has_addresses() -> None:
    """Interfaces are read without an error; loopback is one of them."""
    assert ip_address("127.0.0.1") in OwnAddresses()


def test_what_the_operator_configured_is_exempt() -> None:
    """Within the exemption every address is dialled; outside of it nothing has changed."""
    policy = AddressPolicy.of(own_addresses=frozenset([ip_address("8.8.8.8")]))
    with exempt_from_policy():
        assert not any(map(policy.forbids, ("127.0.0.1", "8.8.8.8", "fd00::1")))
    assert all(map(policy.forbids, ("127.0.0.1", "8.8.8.8", "fd00::1")))


def test_a_forbidden_host_that_is_an_address() -> None:
    """It is not dialled, whatever name resolves to it."""
    policy = AddressPolicy.of(forbidden_hosts=["8.8.8.8"])
    assert [policy.objection(a) for a in ("8.8.8.8", "8.8.4.4")] == ["a forbidden host", ""]
    assert policy.forbids_host("8.8.8.8")


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
