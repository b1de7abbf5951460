"""A DNS server on loopback that knows the names of the simulated network, and can misbehave."""

import asyncio
import ipaddress
import socket
import struct
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

_A, _AAAA, _IN = 1, 28, 1
_RESPONSE = 0x8180  # An answer, with recursion desired and available.
_RECEIVE_BUFFER = 4 * 1024 * 1024


class Manner(StrEnum):
    """How a name is answered."""

    KNOWN = "known"
    NOT_FOUND = "not_found"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    SILENT = "silent"


_CODES = {Manner.KNOWN: 0, Manner.SERVFAIL: 2, Manner.NOT_FOUND: 3, Manner.REFUSED: 5}


@dataclass(frozen=True, slots=True)
class Name:
    """What the server knows of one name: addresses of either family, perhaps none."""

    addresses: tuple[str, ...] = ()
    manner: Manner = Manner.KNOWN


class NameServer(asyncio.DatagramProtocol):
    """Answers A and AAAA questions over UDP for as long as it is entered; the time to live is 0.

    cut: answers every name in one manner, as a broken resolver does; None for each its own.
    asked: how often each name was asked for.
    """

    def __init__(self) -> None:
        self.cut: Manner | None = None
        self.asked: Counter[str] = Counter()
        self.port = 0
        self._names: dict[str, Name] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        """Listen on a free port of 127.0.0.1."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # A crawler asks for every name within a moment, and what does not fit is lost.
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
            # The transport lets go of its socket in the loop's next turn.
            await asyncio.sleep(0)

    @property
    def address(self) -> str:
        """Where to ask, as `address:port`."""
        return f"127.0.0.1:{self.port}"

    def know(self, host: str, name: Name) -> None:
        """Answer this for a host from now on."""
        self._names[host.lower()] = name

    def forget(self, host: str) -> None:
        """Answer from now on that there is no such name."""
        self._names.pop(host.lower(), None)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._answer(data)
        if answer and self._transport is not None:
            self._transport.sendto(answer, addr)

    def _answer(self, query: bytes) -> bytes:
        """The reply to a query; empty for silence."""
        try:
            host, kind, end = _question(query)
        except (IndexError, struct.error, UnicodeDecodeError):
            return b""
        self.asked[host] += 1
        name = self._names.get(host, Name(manner=Manner.NOT_FOUND))
        manner = self.cut or name.manner
        if manner is Manner.SILENT:
            return b""
        records = [_record(a) for a in name.addresses] if manner is Manner.KNOWN else []
        records = [record for record in records if record[2:4] == kind.to_bytes(2, "big")]
        flags = _RESPONSE | _CODES[manner]
        header = query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        return header + query[12:end] + b"".join(records)


def _question(query: bytes) -> tuple[str, int, int]:
    """Name in lower case, type, and where the first question of a query ends."""
    labels, place = [], 12
    while length := query[place]:
        labels.append(query[place + 1 : place + 1 + length].decode("ascii").lower())
        place += 1 + length
    (kind,) = struct.unpack_from("!H", query, place + 1)
    return ".".join(labels), kind, place + 5


def _record(address: str) -> bytes:
    """A resource record that points back at the question's name."""
    ip = ipaddress.ip_address(address)
    kind = _A if ip.version == 4 else _AAAA
    return struct.pack("!HHHIH", 0xC00C, kind, _IN, 0, len(ip.packed)) + ip.packed
