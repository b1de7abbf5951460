"""Mutations of the head of an answer: status line, versions, waits, and headers of every kind."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

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


@dataclass(slots=True)
class Head:
    """The head of an answer while it is made."""

    status: str
    servers: list[str]
    lines: list[str] = field(default_factory=list)


def change_head(chance: random.Random, head: Head) -> None:
    """Change one to four things."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        chance.choice(_HEAD_CHANGES)(chance, head)


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
