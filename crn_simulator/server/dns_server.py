"""A DNS server on loopback for the names of the simulated network; it can fail on purpose."""

import asyncio
import ipaddress
import socket
import struct
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

from crn_simulator.server.route import Route

_A, _AAAA, _IN = 1, 28, 1
_RESPONSE = 0x8180  # A response, with recursion desired and available.
_RECEIVE_BUFFER = 4 * 1024 * 1024


class DnsMode(StrEnum):
    """How queries for a name are answered."""

    KNOWN = "known"
    NOT_FOUND = "not_found"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    SILENT = "silent"


_RESPONSE_CODES = {DnsMode.KNOWN: 0, DnsMode.SERVFAIL: 2, DnsMode.NOT_FOUND: 3, DnsMode.REFUSED: 5}


@dataclass(frozen=True, slots=True)
class DnsEntry:
    """The entry of one name: IPv4 and IPv6 addresses, possibly none."""

    addresses: tuple[str, ...] = ()
    mode: DnsMode = DnsMode.KNOWN


class DnsServer(asyncio.DatagramProtocol):
    """Answers A and AAAA queries over UDP while entered; the time to live is 0.

    override: one mode for all names, as of a broken resolver; None for each name's own.
    route: the client's way to it.
    queries: number of queries by name.
    """

    def __init__(self) -> None:
        self.override: DnsMode | None = None
        self.route = Route()
        self.queries: Counter[str] = Counter()
        self.port = 0
        self._entries: dict[str, DnsEntry] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        """Listen on a free port of 127.0.0.1."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # A crawler asks for every name at once; what does not fit the buffer is lost.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
            # The transport closes its socket in the next iteration of the loop.
            await asyncio.sleep(0)

    @property
    def address(self) -> str:
        """Where it listens, as `address:port`."""
        return f"127.0.0.1:{self.port}"

    def set_entry(self, host: str, entry: DnsEntry) -> None:
        """Answer queries for a name with this entry from now on."""
        self._entries[host.lower()] = entry

    def remove(self, host: str) -> None:
        """Answer from now on that the name does not exist."""
        self._entries.pop(host.lower(), None)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        response = self._response(data)
        if not response or self.route.is_lost():
            return
        if self.route.is_direct:
            self._send(response, addr)
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(self.route.answer_seconds(), self._send, response, addr)

    def _send(self, response: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None:
            self._transport.sendto(response, addr)

    def _response(self, query: bytes) -> bytes:
        """Return the response to a query; empty for none."""
        try:
            host, record_type, end = _question(query)
        except (IndexError, struct.error, UnicodeDecodeError):
            return b""
        self.queries[host] += 1
        entry = self._entries.get(host, DnsEntry(mode=DnsMode.NOT_FOUND))
        mode = self.override or entry.mode
        if mode is DnsMode.SILENT:
            return b""
        records = [_record(a) for a in entry.addresses] if mode is DnsMode.KNOWN else []
        records = [record for record in records if record[2:4] == record_type.to_bytes(2, "big")]
        flags = _RESPONSE | _RESPONSE_CODES[mode]
        header = query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        return header + query[12:end] + b"".join(records)


def _question(query: bytes) -> tuple[str, int, int]:
    """Return name in lower case, record type, and end offset of the first question of a query."""
    labels, offset = [], 12
    while length := query[offset]:
        labels.append(query[offset + 1 : offset + 1 + length].decode("ascii").lower())
        offset += 1 + length
    (record_type,) = struct.unpack_from("!H", query, offset + 1)
    return ".".join(labels), record_type, offset + 5


def _record(address: str) -> bytes:
    """Return a resource record for the name of the question."""
    ip = ipaddress.ip_address(address)
    record_type = _A if ip.version == 4 else _AAAA
    return struct.pack("!HHHIH", 0xC00C, record_type, _IN, 0, len(ip.packed)) + ip.packed
