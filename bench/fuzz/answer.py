"""Mutated answers as the bytes of HTTP: the number of a visit and a seed determine every byte."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bench.fuzz.body_mutation import mutated_body, packed
from bench.fuzz.valid import ValidNode
from crn_simulator.script.endpoint import CONFIG, IPV6, USAGE

_STATUS_LINES: Final = (
    *("HTTP/1.1 200 OK", "HTTP/1.0 200 OK", "HTTP/1.1 200", "HTTP/1.1 204 No Content"),
    *("HTTP/1.1 206 Partial", "HTTP/1.1 301 Moved", "HTTP/1.1 304 Not Modified", "HTTP/1.1 404 No"),
    *("HTTP/1.1 401 No", "HTTP/1.1 429 Slow down", "HTTP/1.1 500 Oops", "HTTP/1.1 503 Draining"),
    *("HTTP/1.1 599 ?", "HTTP/1.1 600 ?", "HTTP/1.1 999 ?", "HTTP/1.1 000 ?", "HTTP/1.1 99 ?"),
    *(
        "HTTP/1.1 101 Switching",
        "HTTP/1.1 -200 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 \u0662\u0660\u0660 OK",
    ),
    *("HTTP/2 200 OK", "HTTP/9.9 200 OK", "ICY 200 OK", "http/1.1 200 ok", "HTTP/1.1  200  OK"),
    *("HTTP/1.1 200 " + "O" * 9000, "HTTP/1.1 200 \xff\0", "SSH-2.0-OpenSSH_9.6", "", "\0\0\0\0"),
)
_SERVERS: Final = (
    *("aleph-vm/1.9.0", "aleph-vm/", "aleph-vm/1.3.0-41-g7303587", "Caddy, aleph-vm/1.9.0"),
    *("aleph-vm/version-unavailable", "aleph-vm/" + "9" * 6000, "aleph-vm/1.9.0,aleph-vm/1.8.0"),
    *("aleph-vm/\u202e1.9.0", "aleph-vm/1.9.0\\", "aleph-vm/a=b c,d", "aleph-vm/\x1b[2J", "nginx"),
    *("aleph-vm/9999.9999.9999", "aleph-vm/99999.0.0", "aleph-vm/\xe9\xff", "ALEPH-VM/1.9.0", ""),
    *(
        "aleph-vm/ 1.9.0",
        "aleph-vm/\t",
        'aleph-vm/"1.9.0"',
        "x" * 7000,
        ",,,,aleph-vm/1",
        "aleph-vm/\\n",
    ),
)
_RETRIES: Final = (
    *("0", "1", "120", "3600", "3601", "-1", "1e9", "9" * 400, "1.5", "\u0661", "NaN", "inf", ""),
    *("Wed, 21 Oct 2099 07:28:00 GMT", "Wed, 21 Oct 1999 07:28:00 GMT", "0x10", "soon", "1 2"),
    *("Fri, 31 Dec 99999 23:59:59 GMT", "Wed, 21 Oct 2015 07:28:00 +9999", "\0", " 5 ", "1_0"),
)
_HEADERS: Final = (
    *(
        "Content-Type: text/html",
        "Content-Type: application/json; charset=utf-16",
        "Content-Type: ",
    ),
    *("Content-Type: a/b; charset=\xff", "Content-Encoding: identity", "Content-Encoding: zstd"),
    *("Connection: close", "Connection: keep-alive", "Connection: upgrade", "Upgrade: websocket"),
    *("Transfer-Encoding: identity", "Transfer-Encoding: gzip, chunked", "Trailer: Server"),
    *("Location: //127.0.0.1/", "Set-Cookie: a=b; Domain=.", "Set-Cookie: " + "a" * 5000),
    *(
        "cf-mitigated: challenge",
        "x-dd-b: 1",
        "Age: -1",
        "Date: never",
        ": empty",
        "no colon",
        " a: b",
    ),
    *(
        "A" * 9000 + ": b",
        "X: " + "b" * 9000,
        "X: a\0b",
        "X: a\rb",
        "X\xff: y",
        "X-A : b",
        "X: \x01",
    ),
    *("Keep-Alive: timeout=0", 'Alt-Svc: h3=":443"', "Link: <", "Content-Range: bytes */0", "\t"),
)
_INTERIM: Final = (
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nServer: aleph-vm/6.6.6\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
)
VM: Final = "/vm/"


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of one answer."""

    content: bytes
    is_mutated: bool
    closes: bool = False
    """The connection ends with it."""


@dataclass(slots=True)
class Head:
    """The head of an answer while it is made."""

    status: str
    servers: list[str]
    lines: list[str] = field(default_factory=list)


class FuzzedNode:
    """A node of whose answers some are mutated; `number` and `seed` determine which, and how."""

    def __init__(self, seed: str, number: int) -> None:
        chance = random.Random(f"{seed}/{number}")
        self.valid = ValidNode.drawn(chance)
        self.ipv6_due = chance.random() < 0.3
        self._key = f"{seed}/{number}"
        kinds = (CONFIG, USAGE, IPV6, VM) if self.ipv6_due else (CONFIG, USAGE)
        self._mutated = set(kinds if chance.random() < 0.8 else [chance.choice(kinds)])

    def is_mutated(self, path: str) -> bool:
        """Return whether its answer on a path is mutated."""
        return path in self._mutated

    def answer(self, path: str) -> Answer:
        """Return the answer on a path."""
        kind = VM if path.startswith(VM) else path
        if kind not in self._mutated:
            return valid_answer(self.valid, path)
        chance = random.Random(f"{self._key}{kind}")
        return _mutated_answer(chance, _head(self.valid, path), self.valid.response(path).body)


def valid_answer(node: ValidNode, path: str) -> Answer:
    """Return the answer of a valid node, as it should be."""
    body = node.response(path).body
    return Answer(_joined(_head(node, path), body, len(body)), False)


def _head(node: ValidNode, path: str) -> Head:
    response = node.response(path)
    lines = [f"Content-Type: {response.content_type}"]
    return Head(f"HTTP/1.1 {response.status} OK", [f"aleph-vm/{node.version}"], lines)


def _mutated_answer(chance: random.Random, head: Head, body: bytes) -> Answer:
    where = chance.random()
    if where < 0.8:
        body = mutated_body(chance, body)
    if where > 0.7:
        for _ in range(chance.choice((1, 1, 2, 4))):
            chance.choice(_HEAD_CHANGES)(chance, head)
    if chance.random() < 0.06:
        encoding, body = packed(chance, body)
        head.lines.append(f"Content-Encoding: {encoding}")
    content, closes = _framed(chance, head, body)
    if chance.random() < 0.03:
        content = chance.choice(_INTERIM) * chance.choice((1, 2, 8, 9, 200)) + content
    if chance.random() < 0.02:
        content += chance.choice((content, b"\r\n", b"\0", b"HTTP/1.1 200 OK\r\n\r\n", _INTERIM[0]))
    if chance.random() < 0.02:
        content, closes = content[: chance.randrange(len(content) + 1)], True
    return Answer(content, True, closes or chance.random() < 0.1)


def _change_status(chance: random.Random, head: Head) -> None:
    head.status = chance.choice(_STATUS_LINES)


def _change_server(chance: random.Random, head: Head) -> None:
    head.servers = chance.choices(_SERVERS, k=chance.choice((0, 1, 1, 2, 20)))


def _ask_to_wait(chance: random.Random, head: Head) -> None:
    head.status = chance.choice((head.status, "HTTP/1.1 429 Too Many", "HTTP/1.1 503 Later"))
    head.lines += [f"Retry-After: {chance.choice(_RETRIES)}" for _ in range(chance.choice((1, 2)))]


def _add_header(chance: random.Random, head: Head) -> None:
    head.lines += chance.choices(_HEADERS, k=chance.choice((1, 2, 5)))


def _add_many(chance: random.Random, head: Head) -> None:
    head.lines += [f"X-{number}: y" for number in range(chance.choice((20, 128, 129, 3000)))]


_HEAD_CHANGES: Final[tuple[Callable[[random.Random, Head], None], ...]] = (
    *(_change_status, _change_status, _change_server, _change_server, _change_server),
    *(_ask_to_wait, _ask_to_wait, _add_header, _add_header, _add_many),
)


def _framed(chance: random.Random, head: Head, body: bytes) -> tuple[bytes, bool]:
    """Return head and body, mostly with the right length, and whether the connection ends then."""
    kind = chance.random()
    length = len(body)
    if kind < 0.88:
        return _joined(head, body, length), False
    if kind < 0.92:
        head.lines.append("Transfer-Encoding: chunked")
        return _joined(head, _chunked(chance, body)), False
    if kind < 0.94:
        return _joined(head, body), True
    lengths = (length + 1, max(0, length - 1), 0, -1, 2**63, 2**64, 10**30, "abc", "", f"+{length}")
    stated = chance.choice((*lengths, f"{length}, {length}", f"0{length}", f" {length}", "1e2"))
    if chance.random() < 0.3:
        head.lines.append(f"Content-Length: {chance.choice((length, 0, 7))}")
    if chance.random() < 0.1:
        head.lines.append("Transfer-Encoding: chunked")
    return _joined(head, body, stated), True


def _chunked(chance: random.Random, body: bytes) -> bytes:
    step = chance.choice((1, 7, 100, 65_536)) if len(body) < 3000 else 10_000
    parts = [body[at : at + step] for at in range(0, len(body), step)]
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in parts]
    kind = chance.randrange(6)
    if kind == 0 and chunks:
        wrong = (
            b"zz\r\n",
            b"-1\r\n",
            b"f" * 20 + b"\r\n",
            b"\r\n",
            b"1;" + b"a" * 9000 + b"\r\na\r\n",
        )
        chunks[chance.randrange(len(chunks))] = chance.choice(wrong)
    if kind == 1:
        return b"".join(chunks)
    end = b"0\r\nServer: aleph-vm/6.6.6\r\nX: y\r\n\r\n" if kind == 2 else b"0\r\n\r\n"
    return b"".join([*chunks, end])


def _joined(head: Head, body: bytes, length: object = None) -> bytes:
    lines = [head.status, *head.lines, *(f"Server: {server}" for server in head.servers)]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", errors="replace") + body
