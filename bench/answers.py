"""What reading one answer of a node costs: healthy ones, and the worst that a node can send.

Each body is as long as the limit allows and read by the contract that it hits hardest. Time is that
of this thread's processor; memory is what Python allocates at the peak. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from time import thread_time
from typing import Final

from pydantic import BaseModel

from collector.probe.response import Response
from collector.probe.visit import VisitLimits
from collector.probe.wire import ConfigWire, DiagnosticWire, Ipv6Wire, UsageWire

TARGET_MS: Final = 5.0
_REPEATS: Final = 7
_CPU: Final = b'"cpu":{"count":8,"load_average":{"load1":0,"load5":0,"load15":0}}'
_SPACE: Final = b'"mem":{"total_kB":8,"available_kB":8},"disk":{"total_kB":8,"available_kB":8}'
_CONFIG: Final = b'"version":"1.9.0","references":{},"networking":{}'


@dataclass(frozen=True, slots=True)
class _Body:
    name: str
    content: bytes
    model: type[BaseModel]


@dataclass(frozen=True, slots=True)
class _Cost:
    name: str
    bytes: int
    failure: str
    ms: float
    mb: float


def main() -> None:
    """Measure and print a table, then a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=VisitLimits().body_bytes)
    limit = parser.parse_args().bytes
    costs = [_measure(body) for body in _bodies(limit)]
    print(f"{'answer':34} {'bytes':>9} {'failure':12} {'ms':>8} {'MB':>8}")  # noqa: T201
    for cost in sorted(costs, key=lambda c: -c.ms):
        print(  # noqa: T201
            f"{cost.name:34} {cost.bytes:>9,} {cost.failure:12} {cost.ms:>8.2f} {cost.mb:>8.2f}"
        )
    worst = max(cost.ms for cost in costs)
    print(  # noqa: T201
        json.dumps(
            {
                "worst_ms": round(worst, 2),
                "worst_mb": round(max(cost.mb for cost in costs), 2),
                "target_ms": TARGET_MS,
                "answers_ms": {cost.name: round(cost.ms, 2) for cost in costs},
            }
        )
    )


def _measure(body: _Body) -> _Cost:
    answer = Response(200, body.content, aleph=False, version=None)
    spent = []
    for repeat in range(_REPEATS):
        fresh = Response(200, body.content + b" " * repeat, aleph=False, version=None)
        started = thread_time()
        content = fresh.parse(body.model)
        if content.value is not None and isinstance(content.value, UsageWire):
            content.value.usage()
        spent.append(thread_time() - started)
    tracemalloc.start()
    answer.parse(body.model)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return _Cost(
        body.name, len(body.content), str(content.failure), sorted(spent)[len(spent) // 2] * 1e3,
        peak / 1e6,
    )  # fmt: skip


def _bodies(limit: int) -> Iterator[_Body]:
    yield from _healthy()
    for name, unit in _UNITS.items():
        for place, (before, after, model) in _PLACES.items():
            yield _Body(f"{name}, {place}", _filled(unit, before, after, limit), model)
    for name, text in _TEXTS.items():
        yield _Body(f"256 texts of {name}", _cards(text, limit), UsageWire)
    keys = b",".join(b'"%x":0' % number for number in range(limit // 8))[: limit - 80]
    yield _Body("distinct keys", b"{%b,%b}" % (_CONFIG, keys.rpartition(b",")[0]), ConfigWire)
    yield _Body("distinct keys in networking", b'{"version":"1.9.0","references":{},"networking":'
        b"{%b}}" % keys.rpartition(b",")[0], ConfigWire)  # fmt: skip
    yield _Body("one endless number", b'{"version":%b}' % (b"9" * (limit - 20)), ConfigWire)
    yield _Body("one endless fraction", b'{"version":0.%b}' % (b"9" * (limit - 20)), ConfigWire)
    yield _Body("one endless exponent", b'{"version":1e%b}' % (b"9" * (limit - 20)), ConfigWire)
    yield _Body("open lists", b"[" * limit, UsageWire)
    yield _Body("a page", b"<!doctype html>".ljust(limit), ConfigWire)
    yield _Body("blanks", b" " * limit, Ipv6Wire)


_PLACES: Final[dict[str, tuple[bytes, bytes, type[BaseModel]]]] = {
    "top": (b"[", b"]", UsageWire),
    "load_average": (b'{"cpu":{"count":8,"load_average":[', b"]},%b}" % _SPACE, UsageWire),
    "gpu.devices": (b'{%b,%b,"gpu":{"devices":[' % (_CPU, _SPACE), b"]}}", UsageWire),
    "version": (b'{"version":[', b"]}", ConfigWire),
    "host": (b'{"vm":true,"host":[', b"]}", Ipv6Wire),
    "result": (b'{"result":[', b"]}", DiagnosticWire),
}
_UNITS: Final = {
    "empty lists": b"[]",
    "empty objects": b"{}",
    "nested lists": b"[" * 150 + b"]" * 150,
    "nested objects": b'{"":' * 150 + b"0" + b"}" * 150,
    "zeros": b"0",
    "floats": b"1e9",
    "not a number": b"NaN",
    "numbers of 4,300 digits": b"9" * 4300,
    "text": b'"a"',
    "escapes": b'"' + b"\\u00e9" * 100 + b'"',
}
_TEXTS: Final = {
    "ASCII": "a",
    "controls": "\\u0001a",
    "blanks": "a ",
    "ideographs": "\u4e00",
    "combining marks": "e\u0301\u0327",
    "decompositions": "\ufb2c",
}


def _filled(unit: bytes, before: bytes, after: bytes, limit: int) -> bytes:
    """Return as many units, by comma, as fit between the two."""
    times = (limit - len(before) - len(after) + 1) // (len(unit) + 1)
    return before + b",".join([unit] * times) + after


def _cards(text: str, limit: int) -> bytes:
    """Return a usage with 64 GPUs of four long, distinct texts each."""
    keys = ("pci_host", "device_id", "model", "device_name")
    room = (limit - 400) // 64 - 60
    long = text * (room // 4 // len(text.encode()))
    cards = ",".join(
        "{" + ",".join(f'"{key}":"{number:02}{long}"' for key in keys) + "}" for number in range(64)
    )
    return b'{%b,%b,"gpu":{"devices":[%b]}}' % (_CPU, _SPACE, cards.encode())


def _healthy() -> Iterator[_Body]:
    card = b'{"vendor":"NVIDIA","model":"L40S","device_name":"AD102GL","pci_host":"%02x:00.0",' \
        b'"device_class":"0300","device_id":"10de:26b9","compatible":true}'  # fmt: skip
    cards = b",".join(card % slot for slot in range(8))
    gpus = b'"gpu":{"devices":[%b],"available_devices":[%b]}' % (cards, cards)
    yield _Body("healthy usage, 8 GPUs", b"{%b,%b,%b}" % (_CPU, _SPACE, gpus), UsageWire)
    yield _Body("healthy usage", b"{%b,%b}" % (_CPU, _SPACE), UsageWire)
    yield _Body("healthy configuration", b"{%b}" % _CONFIG, ConfigWire)


if __name__ == "__main__":
    main()
