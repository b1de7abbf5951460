"""Registered addresses that lead into this machine or its network: none of them is connected to."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest

from collector.directory.address import parse_address
from collector.model.failure import Failure
from collector.probe.own_addresses import OwnAddresses
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.connection import Connection
from crn_simulator.server.dns_server import DnsEntry
from crn_simulator.server.host import Host
from crn_simulator.server.listener import has_ipv6
from tests.support.probe_bed import CONFIG, node_at, open_bed
from tests.support.tls_servers import answer, raw_server

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent
FEWEST = 150


@dataclass(frozen=True)
class Target:
    """A registered address, what its name resolves to, and what becomes of a visit to it."""

    address: str
    failure: Failure
    resolves_to: tuple[str, ...] = ()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """What listens on one port of every address of this machine; whoever connected waits there."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listening:
        listening.setblocking(False)
        yield listening


def _written() -> Iterator[Target]:
    """The table of addresses as strangers write them. Escapes are those of Python."""
    for line in (FOLDER / "targets.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            address, failure = line.split(" | ")
            for escape in ("\\u00ad", "\\u200b", "\\t", "\\r", "\\n", "\\x00"):
                address = address.replace(escape, escape.encode().decode("unicode_escape"))
            yield Target(address, Failure(failure))


def _special() -> Iterator[str]:
    """Every address that is not dialled: those of the table of the policy, and this machine's."""
    for line in (FOLDER / "addresses.txt").read_text(encoding="utf-8").splitlines():
        address, _, reason = line.partition(" | ")
        if reason and reason != "-":
            with contextlib.suppress(ValueError):
                yield str(ip_address(address))
    for entries in psutil.net_if_addrs().values():
        yield from (e.address for e in entries if e.family in (socket.AF_INET, socket.AF_INET6))


def _targets() -> list[Target]:
    """All of them: as written, as literal addresses, and behind names."""
    targets = list(_written())
    for number, address in enumerate(dict.fromkeys(_special())):
        literal = f"[{address}]" if ":" in address else address
        refused = parse_address(f"https://{literal}").refused
        failure = Failure.FORBIDDEN_ADDRESS if refused is Failure.NONE else refused
        targets.append(Target(f"https://{literal}:{{port}}", failure))
        if "%" not in address:
            name = f"https://n{number}.simulated.test:{{port}}"
            targets.append(Target(name, Failure.FORBIDDEN_ADDRESS, (address,)))
    return targets


def _is_connected(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 loopback here")
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_no_target_is_connected_to(context: ssl.SSLContext, listener: socket.socket) -> None:
    """Each is refused before a socket is made for it, and where one listens nothing arrives."""
    targets, port = _targets(), listener.getsockname()[1]
    found: dict[str, tuple[Failure, list[str]]] = {}
    async with open_bed(context, allowed=(), own_addresses=OwnAddresses()) as bed:
        bed.prober.use_ipv6(True)
        for target in targets:
            node = node_at(target.address.replace("{port}", str(port)))
            bed.names.set_entry(node.host, DnsEntry(target.resolves_to))
            failure, dialled = bed.prober.refusal(node), []
            if failure is Failure.NONE:
                visit = bed.prober.visit(node, None)
                await visit.run()
                failure, dialled = visit.observation().failure, visit.trace.dialled
            found[target.address] = failure, dialled
    assert found == {target.address: (target.failure, []) for target in targets}
    assert len(found) >= FEWEST
    assert not _is_connected(listener)


async def test_the_listener_notices(listener: socket.socket) -> None:
    """It hears a connection to any address of this machine."""
    port = listener.getsockname()[1]
    for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        with socket.create_connection((address, port)):
            assert _is_connected(listener)


@pytest.mark.parametrize("forbidden", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
async def test_of_several_addresses_only_public_ones_are_dialled(
    context: ssl.SSLContext, authority: Authority, forbidden: str
) -> None:
    """A name that also resolves to a forbidden address is visited without it."""
    async with (
        Host(authority=authority) as host,
        open_bed(context, allowed=("127.64.0.0/10",)) as bed,
    ):
        bed.prober.use_ipv6(True)
        bed.know(host, forbidden, host.address, forbidden)
        visit = bed.prober.visit(node_at(host.url), None)
        await visit.run()
    assert visit.observation().reachable
    assert visit.trace.dialled == [host.address]


@pytest.mark.parametrize("forbidden", ["127.0.0.1", "10.0.0.1", "::1"])
async def test_a_name_that_moves_between_two_probes(
    context: ssl.SSLContext, authority: Authority, forbidden: str
) -> None:
    """A connection that is opened anew is judged anew, and so is the next visit."""
    async with open_bed(context, allowed=("127.64.0.0/10",)) as bed:
        bed.prober.use_ipv6(True)

        async def play(connection: Connection) -> None:
            requests.append(await connection.read_request_head())
            bed.names.set_entry("rebound.simulated.test", DnsEntry((forbidden,)))
            bed.prober.resolver.forget()
            await connection.send(answer("{}", "200 OK", "Server: aleph-vm/1.9.0"))

        requests: list[bytes] = []
        async with raw_server(None, play) as raw:
            host, _, port = raw.url.removeprefix("http://").partition(":")
            bed.names.set_entry("rebound.simulated.test", DnsEntry((host,)))
            node = node_at(f"http://rebound.simulated.test:{port}")
            visit = bed.prober.visit(node, None)
            await visit.run()
            assert [probe.failure for probe in visit.probes][1:] == [Failure.FORBIDDEN_ADDRESS]
            assert visit.trace.dialled == [host]
            again = bed.prober.visit(node, None)
            await again.run()
            assert again.observation().failure is Failure.FORBIDDEN_ADDRESS
            assert again.trace.dialled == []
        assert [head.split()[1].decode() for head in requests] == [CONFIG]
