"""Mutated answers as the bytes of HTTP: the number of a visit and a seed determine every byte."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from bench.fuzz.body_mutation import mutated_body, packed
from bench.fuzz.head_mutation import Head, change_head
from bench.fuzz.valid import ValidNode
from crn_simulator.script.endpoint import CONFIG, IPV6, USAGE

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
        change_head(chance, head)
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
