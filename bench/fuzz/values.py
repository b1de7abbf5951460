"""What can stand in place of a value of JSON: every type, extreme numbers, hostile texts."""

from __future__ import annotations

import json
import random
from typing import Final

_NUMBERS: Final = (
    *("0", "-0", "-0.0", "1", "-1", "0.5", "8.0", "1e308", "-1e308", "1e309", "-1e309", "1e-400"),
    *("5e-324", "1e1", "1E+2", "65536", "65537", "1000000000000000", "1000000000000001"),
    *("9007199254740993", str(2**31), str(2**63 - 1), str(2**63), str(2**64), str(-(2**63) - 1)),
    *("9" * 30, "9" * 400, "9" * 4300, "9" * 4301, "0." + "3" * 4000, "1" + "0" * 4000 + "e-4000"),
    *("NaN", "Infinity", "-Infinity", "nan", "01", "+1", ".5", "1.", "0x10", "1_000", "\u0661"),
)
_WORDS: Final = ("null", "true", "false", "True", "None", "undefined", "", ",", "//", "'a'")
_CONTAINERS: Final = (
    *("[]", "{}", "[null]", "[[]]", "[{}]", '{"":null}', '{"a":1,"a":[2]}', "[1,2,3]"),
    *("[" * 150 + "]" * 150, "[" * 250 + "]" * 250, '{"a":' * 190 + "0" + "}" * 190, "[" * 5000),
    *("[" + ",".join(["0"] * 64) + "]", "[" + ",".join(["{}"] * 65) + "]"),
)
_HUGE_CONTAINERS: Final = (
    "[" + ",".join(["0"] * 30_000) + "]",
    "[" + ",".join(["{}"] * 20_000) + "]",
    "[" + ",".join(["[]"] * 100_000) + "]",
    "{" + ",".join(f'"{number}":0' for number in range(6_000)) + "}",
)
_TEXTS: Final = (
    *("", " ", "a", "8", "true", "null", "0x" + "a" * 40, "x" * 64, "x" * 65, "x" * 4096),
    *("\0", "a\0b", "\x1b[2J\x1b]0;owned\x07", "\r\n", "a\nb", "\t", "\x7f", "\x85", "\u2028"),
    *("\u202e\u2066gpj.exe", "e\u0301" * 40, "Z\u0335\u0336\u0337\u0338\u0334" * 20, "\ufb2c" * 30),
    *("\ud800", "\udfff\ud800", "a\ud83d", "\U0001f600", "\u200b", "\ufeff", "\u3164", "\u4e00"),
    *(",", "=", " ", '"', "\\", "\\\\", "a\\", "a,b=c d", 'a"b', "x=1i,y=2 3", 'v"\nnode=0 1i 9'),
    *("1.9.0", "99999.0.0", "1.3.0-41-g7303587", "v1.9.0", "1.9", "version-unavailable", "other"),
    *(
        "unknown",
        "none",
        "L40S",
        "H100",
        "10de:26b9",
        "<script>alert(1)</script>",
        "$(id)",
        "{{7*7}}",
    ),
    *("=cmd|' /C calc'!A0", "../../etc/passwd", "%s%n", "' OR 1=1 --", "\u212a", "\u0130"),
)


def fragment(chance: random.Random) -> str:
    """Return the text of a value, valid JSON or not."""
    kind = chance.random()
    if kind < 0.35:
        return text_fragment(chance)
    if kind < 0.7:
        return chance.choice(_NUMBERS)
    if kind < 0.82:
        return chance.choice(_WORDS)
    return chance.choice(_HUGE_CONTAINERS if kind > 0.995 else _CONTAINERS)


def text_fragment(chance: random.Random) -> str:
    """Return the JSON of a text: one of the hostile ones, or several together."""
    parts = chance.choices(_TEXTS, k=chance.choice((1, 1, 1, 2, 3)))
    text = "".join(parts)
    if chance.random() < 0.01:
        text *= 2000 // (len(text) + 1) + 1
    return json.dumps(text, ensure_ascii=chance.random() < 0.5)


def key_fragment(chance: random.Random, key: str) -> str:
    """Return the JSON of a key that is not quite this one (which is quoted)."""
    name = key.strip('"')
    names = (
        name.upper(),
        name.lower(),
        f"{name} ",
        f" {name}",
        name[:-1],
        f"{name}\0",
        f"\ufeff{name}",
    )
    changed = chance.choice((*names, name.replace("_", "-"), "", name * 50, "\ud800", "__class__"))
    return json.dumps(changed)


def number_fragment(chance: random.Random, number: str) -> str:
    """Return a number that is near to another one, or far from it."""
    ways = ("-{}", "{}0", "{}000000000000", "{}.0", "{}e0", "{}e3", "{}e-3", "{}e30", "0{}", '"{}"')
    return chance.choice(ways).format(number)
