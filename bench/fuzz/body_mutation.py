"""Mutations of a body: members of its JSON, then its bytes, its encoding and its compression."""

from __future__ import annotations

import codecs
import gzip
import random
import zlib
from collections.abc import Callable
from typing import Final

from bench.fuzz.members import Member, members_of
from bench.fuzz.values import fragment, key_fragment, number_fragment, text_fragment

_MOST_BYTES: Final = 400_000
"""Longest body that is sent: longer ones only repeat what the limit of 64 KiB refuses."""


def mutated_json(chance: random.Random, body: str) -> str:
    """Return a JSON text with one to four of its members changed."""
    members = members_of(body)
    if not members:
        return fragment(chance)
    chosen = chance.choices(members, k=chance.choice((1, 1, 1, 2, 2, 4)))
    end = len(body)
    for member in sorted(chosen, key=lambda m: -m.start):
        if member.end <= end:
            body = _change_member(chance, body, member)
            end = member.start
    return body


def _change_member(chance: random.Random, body: str, member: Member) -> str:
    change = chance.choice(_CHANGES)
    changed = change(chance, body[member.start : member.value_start], _value(body, member), member)
    if changed is None:  # without it and without the comma beside it
        before, after = body[: member.start], body[member.end :]
        return before + after[1:] if after[:1] == "," else before.removesuffix(",") + after
    return body[: member.start] + changed + body[member.end :]


def _value(body: str, member: Member) -> str:
    return body[member.value_start : member.end]


def _replace(chance: random.Random, key: str, value: str, member: Member) -> str:
    return key + fragment(chance)


def _resemble(chance: random.Random, key: str, value: str, member: Member) -> str:
    """Return a value of the same type that is wrong, as far as that can be."""
    if member.kind is str:
        text = text_fragment(chance)
        return key + chance.choice((text, f"{value[:-1]}{text[1:]}", f"{text[:-1]}{value[1:]}"))
    if member.kind in (int, float):
        return key + number_fragment(chance, value)
    if member.kind is bool:
        return key + chance.choice(('"true"', "0", "1", "null", "1.0", '"yes"'))
    return key + chance.choice(("null", "{}", "[]", f"[{value}]", f'{{"0":{value}}}', '""'))


def _remove(chance: random.Random, key: str, value: str, member: Member) -> None:
    return None


def _double(chance: random.Random, key: str, value: str, member: Member) -> str:
    other = f"{key}{fragment(chance)}"
    pair = (f"{key}{value}", other) if chance.random() < 0.5 else (other, f"{key}{value}")
    return ",".join(pair)


def _rename(chance: random.Random, key: str, value: str, member: Member) -> str:
    return f"{key_fragment(chance, key[:-1])}:{value}" if key else fragment(chance)


def _nest(chance: random.Random, key: str, value: str, member: Member) -> str:
    depth = chance.choice((1, 2, 10, 100, 199, 200, 201, 1000))
    if chance.random() < 0.5:
        return f"{key}{'[' * depth}{value}{']' * depth}"
    return f"""{key}{'{"a":' * depth}{value}{"}" * depth}"""


def _repeat(chance: random.Random, key: str, value: str, member: Member) -> str:
    """Return an array of the value: of cards up to the most that a machine may have, and more."""
    times = chance.choice((0, 1, 2, 63, 64, 65, 500))
    return f"{key}[{','.join([value] * times)}]"


def _repeat_items(chance: random.Random, key: str, value: str, member: Member) -> str:
    if member.kind is not list or len(value) < 3:
        return _replace(chance, key, value, member)
    times = min(chance.choice((2, 8, 16, 64, 100)), 64_000 // len(value) + 1)
    return f"{key}[{','.join([value[1:-1]] * times)}]"


_Change = Callable[[random.Random, str, str, Member], str | None]
_CHANGES: Final[tuple[_Change, ...]] = (
    *(_replace, _replace, _replace, _resemble, _resemble, _resemble),
    *(_remove, _double, _rename, _nest, _repeat, _repeat_items),
)


def mutated_bytes(chance: random.Random, body: bytes) -> bytes:
    """Return bytes with a few of them turned, lost, doubled or added."""
    changed = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(changed) + 1)
        until = at + chance.choice((1, 1, 2, 16, 200))
        kind = chance.randrange(5)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del changed[at:until]
        elif kind == 2:
            changed[at:at] = chance.randbytes(chance.choice((1, 2, 30)))
        elif kind == 3:
            changed[at:at] = changed[at:until]
        else:
            del changed[at:]
    return bytes(changed)


def encoded(chance: random.Random, body: str) -> bytes:
    """Return a text in an encoding that is not JSON's own, or with a mark before it."""
    kind = chance.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "utf-7", "bom"))
    if kind == "bom":
        return codecs.BOM_UTF8 * chance.choice((1, 2, 3)) + body.encode(errors="replace")
    return body.encode(kind, errors="replace")


def packed(chance: random.Random, body: bytes) -> tuple[str, bytes]:
    """Return a `Content-Encoding` and a body: so encoded, wrong, cut off, or far too much."""
    name = chance.choice(
        ("gzip", "deflate", "GZIP", " gzip ", "x-gzip", "br", "gzip, gzip", "\xff")
    )
    pack = chance.choice((_gzip, zlib.compress, _raw_deflate))
    kind = chance.randrange(7)
    if kind == 0:
        body = b" " * chance.choice((60_000, 65_536, 65_537, 2_000_000)) + body
    content = pack(body)
    if kind == 1:
        content = content[: chance.randrange(len(content) + 1)]
    elif kind == 2:
        content += pack(body)
    elif kind == 3:
        content = mutated_bytes(chance, content)
    elif kind == 4:
        content = pack(content)
    elif kind == 5:
        content = body
    return name, content


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def _raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def mutated_body(chance: random.Random, body: bytes) -> bytes:
    """Return a body with its JSON, its bytes or its encoding changed."""
    text = body.decode()
    kind = chance.random()
    if kind < 0.86:
        changed = mutated_json(chance, text).encode(errors="surrogatepass")
        if chance.random() < 0.05:
            changed = mutated_bytes(chance, changed)
    elif kind < 0.94:
        changed = mutated_bytes(chance, body)
    elif kind < 0.97:
        changed = encoded(chance, mutated_json(chance, text))
    else:
        changed = body + chance.choice((body, b"\0", b"}", b" " * 70_000, b"\n{}", b"null"))
    return changed[:_MOST_BYTES]
