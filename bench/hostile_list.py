"""What a list of nodes costs to read, honest and hostile: seconds, loop standstill, memory.

Each body is parsed as the directory does it, on a thread of its own, in a process of its own; the
standstill is the longest that another thread waited for the interpreter. The last line is JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from bench.usage import memory_growth
from collector.directory.aggregate import CORECHANNEL

ENTRY: Final = json.dumps({"hash": "a" * 64, "address": "https://a.example.org", "note": "x" * 750})
EMPTY: Final = ",".join(["[]"] * (8 * 1024 * 1024))


BODIES: Final[dict[str, Callable[[], tuple[str, str]]]] = {
    "550 nodes": lambda: (",".join([ENTRY] * 550), "0"),
    "10,000 nodes": lambda: (",".join([ENTRY] * 10_000), "0"),
    "24 MB in a key that is not read": lambda: (ENTRY, f"[{EMPTY}]"),
    "24 MB of entries": lambda: (EMPTY, "0"),
    "one entry of 24 MB": lambda: (f"[{EMPTY}]", "0"),
    "640,000 entries": lambda: (",".join(["[]"] * 640_000), "0"),
    "as many numbers that are none": lambda: (ENTRY, f"[{EMPTY.replace('[]', 'NaN')}]"),
    "as many halves of surrogates": lambda: (ENTRY, '"' + "\\ud800" * (4 * 1024 * 1024) + '"'),
}
"""By name, what makes the list of nodes and the value of a key that is not read."""


def body(name: str) -> bytes:
    """Return a body by its name."""
    nodes, other = BODIES[name]()
    return f'{{"data":{{"corechannel":{{"resource_nodes":[{nodes}],"x":{other}}}}}}}'.encode()


def measure(name: str) -> dict[str, Any]:
    """Return what a body costs."""
    content = body(name)
    growth_bytes = memory_growth()
    standstill, done = 0.0, threading.Event()

    def beat() -> None:
        nonlocal standstill
        last = time.perf_counter()
        while not done.wait(0.001):
            now = time.perf_counter()
            standstill, last = max(standstill, now - last), now

    heart = threading.Thread(target=beat)
    heart.start()
    started = time.perf_counter()
    try:
        outcome = f"{len(CORECHANNEL.parse(memoryview(content)).nodes)} nodes"
    except ValueError as error:
        outcome = str(error)
    seconds, grown = time.perf_counter() - started, growth_bytes()
    done.set()
    heart.join()
    return {
        "body": name,
        "megabytes": round(len(content) / 1e6, 1),
        "seconds": round(seconds, 3),
        "standstill_seconds": round(standstill, 3),
        "memory_megabytes": grown // 1_000_000,
        "refused_for_length": len(content) > CORECHANNEL.limit_bytes,
        "outcome": outcome,
    }


def main() -> None:
    """Measure every body and print a table and JSON."""
    found = []
    print(f"{'body':34}{'MB':>6}{'s':>8}{'still s':>9}{'mem MB':>8}  outcome")  # noqa: T201
    for name in BODIES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            row = pool.apply(measure, (name,))
        found.append(row)
        print(  # noqa: T201
            f"{name:34}{row['megabytes']:6}{row['seconds']:8}{row['standstill_seconds']:9}"
            f"{row['memory_megabytes']:8}  {row['outcome'][:60]}"
            f"{' (not even read: too long)' if row['refused_for_length'] else ''}"
        )
    print(json.dumps({"hostile_list": found}))  # noqa: T201


if __name__ == "__main__":
    main()
