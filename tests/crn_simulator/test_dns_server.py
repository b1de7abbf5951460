"""The DNS server answers as a resolver does, or fails as one does."""

import asyncio
import socket
import struct

import aiodns
import pycares
import pytest
from aiodns.error import DNSError

from crn_simulator.server.dns_server import DnsEntry, DnsMode, DnsServer

HOST = "crn-00001.simulated.test"


async def resolve(names: DnsServer, host: str, kind: str) -> list[str]:
    """Addresses by a real resolver; fails with `DNSError`."""
    resolver = aiodns.DNSResolver(nameservers=[names.address], timeout=0.3, tries=1)
    try:
        result = await resolver.query_dns(host, kind)
    finally:
        await resolver.close()
    return [
        record.data.addr
        for record in result.answer
        if isinstance(record.data, pycares.ARecordData | pycares.AAAARecordData)
    ]


async def test_answers_both_families() -> None:
    """A gives the IPv4 address, AAAA the IPv6 one."""
    async with DnsServer() as names:
        names.set_entry(HOST, DnsEntry(("127.64.0.1", "::1")))
        assert await resolve(names, HOST, "A") == ["127.64.0.1"]
        assert await resolve(names, HOST.upper(), "AAAA") == ["::1"]
        assert names.queries[HOST] == 2


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        pytest.param(DnsMode.NOT_FOUND, "ARES_ENOTFOUND", id="not-found"),
        pytest.param(DnsMode.SERVFAIL, "ARES_ESERVFAIL", id="servfail"),
        pytest.param(DnsMode.REFUSED, "ARES_EREFUSED", id="refused"),
        pytest.param(DnsMode.SILENT, "ARES_ETIMEOUT", id="silent"),
    ],
)
async def test_fails(mode: DnsMode, code: str) -> None:
    """A name fails in its own mode, or in that of everything."""
    expected = getattr(aiodns.error, code)
    async with DnsServer() as names:
        names.set_entry(HOST, DnsEntry(("127.64.0.1",), mode))
        with pytest.raises(DNSError) as caught:
            await resolve(names, HOST, "A")
        names.set_entry(HOST, DnsEntry(("127.64.0.1",)))
        names.override = mode
        with pytest.raises(DNSError) as overridden:
            await resolve(names, HOST, "A")
        names.override = None
        assert await resolve(names, HOST, "A") == ["127.64.0.1"]
    assert [caught.value.args[0], overridden.value.args[0]] == [expected, expected]


async def test_unknown_and_forgotten_names() -> None:
    """A name without an entry does not exist."""
    async with DnsServer() as names:
        names.set_entry(HOST, DnsEntry(("127.64.0.1",)))
        names.remove(HOST)
        for host in (HOST, "www.example.org"):
            with pytest.raises(DNSError) as caught:
                await resolve(names, host, "A")
            assert caught.value.args[0] == aiodns.error.ARES_ENOTFOUND


async def test_name_without_addresses() -> None:
    """The name exists, and the answer holds no record."""
    async with DnsServer() as names:
        names.set_entry(HOST, DnsEntry())
        labels = b"".join(bytes((len(part),)) + part.encode() for part in HOST.split("."))
        query = b"\xab\xcd\x01\x00" + struct.pack("!HHHH", 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendto(sock, b"nonsense", ("127.0.0.1", names.port))
            await loop.sock_sendto(sock, query, ("127.0.0.1", names.port))
            answer = await loop.sock_recv(sock, 512)
    identity, flags, questions, answers = struct.unpack("!HHHH", answer[:8])
    assert (identity, flags & 15, questions, answers) == (0xABCD, 0, 1, 0)
