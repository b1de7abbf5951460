"""What the state costs: bytes written per round, memory, and processor time per round.

Simulated rounds of a quiet network: most nodes answer, each with other usage in every round; a
fifth has been down for days and is visited every 15 minutes; one in a thousand fails in a round.
Written bytes are those of the documents, and those of SQLite's pages, in which they cost more.
"judge: …" are single rounds whose list or answers are as bad as they can be.
"Whole" is what it would be if every node were written in every round. The last line is JSON.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import random
import sqlite3
import statistics
import tempfile
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from time import process_time
from typing import Any, Final

from bench.state_adversarial import measure_adversarial
from collector.directory.entry import read_entries
from collector.model.failure import Failure
from collector.model.listing import Listing, NetworkSettings
from collector.model.node import Node
from collector.model.observation import Endpoint, Ipv6, Ipv6Method, Observation, Phases, Probe
from collector.model.status import JudgedRound
from collector.model.vantage import BlindReason
from collector.probe.wire import ConfigWire, UsageWire
from collector.state.context import RoundContext
from collector.state.last_known import LastKnownNodes
from collector.state.node_document import NodeDocument
from collector.state.plan import VisitPlan
from collector.state.rules import Rules
from collector.state.tracker import NodeTracker
from collector.times import DAY

START: Final = 1_800_000_000
INTERVAL: Final = 60
_STATE_TABLE: Final = "CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
_UPSERT: Final = (
    "INSERT INTO state (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def main() -> None:
    """Measure and print a table, then a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=600)
    parser.add_argument("--many-nodes", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=60, help="simulated minutes")
    options = parser.parse_args()
    few = measure(options.nodes, options.rounds)
    many = measure(options.many_nodes, options.rounds)
    print(f"{'':38} {options.nodes:>10,} nodes {options.many_nodes:>10,} nodes")  # noqa: T201
    for name in few:
        print(f"{name:38} {few[name]:>16,.3f} {many[name]:>16,.3f}")  # noqa: T201
    print(json.dumps({"few": few, "many": many}))  # noqa: T201


def measure(nodes: int, rounds: int) -> dict[str, float]:
    """Return the figures of so many rounds of so many nodes."""
    network = Network(nodes)
    tracker = NodeTracker(Rules(INTERVAL))
    for time in (START - 2 * DAY, START - INTERVAL):  # long dead nodes are on the ladder
        network.play(tracker, time)
        tracker.mark_saved()
    changed: list[int] = []
    whole: list[int] = []
    pages: list[int] = []
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder, Pages(Path(folder)) as table:
        for number in range(rounds):
            before = process_time()
            _, spent = network.play(tracker, START + number * INTERVAL)
            changes = tracker.changes()
            seconds.append(process_time() - before - spent)
            tracker.mark_saved()
            changed.append(size(changes))
            pages.append(table.write(changes))
            if number == 0:
                documents = whole_documents(tracker)
                whole.append(size(documents))
                whole_pages = table.write(documents)
    return {
        "written KB a round": statistics.mean(changed) / 1e3,
        "written KB a round, whole": statistics.mean(whole) / 1e3,
        "SQLite pages KB a round": statistics.mean(pages[1:]) / 1e3,
        "SQLite pages KB a round, whole": whole_pages / 1e3,
        "judge and changes, s a round": statistics.median(seconds),
        **measure_adversarial(network.nodes),
        **memory(nodes),
    }


def memory(nodes: int) -> dict[str, float]:
    """Return the MB that the state holds of so many nodes, as Python's allocator counts them."""
    entries = sum(len(node.entry) for node in Network(nodes).nodes)
    tracemalloc.start()
    tracker = _tracker(nodes)
    gc.collect()
    everything = tracemalloc.get_traced_memory()[0]
    del tracker
    tracemalloc.stop()
    gc.collect()
    tracemalloc.start()
    last_known = _last_known(nodes)
    gc.collect()
    readings = tracemalloc.get_traced_memory()[0]
    del last_known
    tracemalloc.stop()
    return {
        "last known, MB of memory": readings / 1e6,
        "of which entries of the directory, MB": entries / 1e6,
        "everything else, MB of memory": (everything - readings) / 1e6,
    }


def _tracker(nodes: int) -> NodeTracker:
    """Return a tracker that has read every node, and nothing else of its round."""
    tracker = NodeTracker(Rules(INTERVAL))
    Network(nodes, dead=False).play(tracker, START, ipv6=True)
    tracker.mark_saved()
    return tracker


def _last_known(nodes: int) -> LastKnownNodes:
    """Return what was last read of every node, and nothing else of its round."""
    last_known = LastKnownNodes({})
    judged, _ = Network(nodes, dead=False).play(NodeTracker(Rules(INTERVAL)), START, ipv6=True)
    for status in judged.statuses:
        last_known.update(status.node, status.observation, status.ipv6, START)
    last_known.mark_saved()
    return last_known


def size(entries: Mapping[str, bytes | None]) -> int:
    """Return the bytes of the entries and their keys."""
    return sum(len(key) + len(value or b"") for key, value in entries.items())


def whole_documents(tracker: NodeTracker) -> dict[str, bytes | None]:
    """Return the document of every node's state, as an earlier version wrote it in every round."""
    states = tracker.states.items()
    return {f"node:{key}": NodeDocument.of(state, 1).to_json() for key, state in states}


class Pages:
    """The store's table of state alone, to count the pages that a round writes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "state.db"
        self._connection = sqlite3.connect(self._path)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA wal_autocheckpoint=0")
        self._connection.execute(_STATE_TABLE)
        self._connection.commit()

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    def write(self, entries: Mapping[str, bytes | None]) -> int:
        """Write one round; return the bytes that it added to the log."""
        wal = self._path.with_name("state.db-wal")
        with closing(self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")):
            pass
        rows = [(key, value) for key, value in entries.items() if value is not None]
        self._connection.executemany(_UPSERT, rows)
        self._connection.commit()
        return wal.stat().st_size


class Network:
    """Nodes that answer as today's do, each time with values of their own."""

    def __init__(self, nodes: int, dead: bool = True) -> None:
        self._chance = random.Random(1)
        self.nodes: tuple[Node, ...] = read_entries([entry(i) for i in range(nodes)]).nodes
        every = 5 if dead else nodes + 1
        self.dead = frozenset(node.hash for i, node in enumerate(self.nodes, 1) if i % every == 0)

    def play(
        self, tracker: NodeTracker, time: int, ipv6: bool = False
    ) -> tuple[JudgedRound, float]:
        """Judge one round; return it, and the processor time that the observations cost."""
        listing = Listing(self.nodes, NetworkSettings(), 10.0)
        plans = tracker.plans(listing, time)
        before = process_time()
        observations = dict(self._observe(plans, ipv6))
        spent = process_time() - before
        context = RoundContext(time, listing, BlindReason.NONE, True)
        return tracker.judge(context, observations), spent

    def _observe(self, plans: list[VisitPlan], ipv6: bool) -> Iterator[tuple[str, Observation]]:
        for plan in plans:
            node = plan.node
            if node.hash in self.dead or self._chance.random() < 0.001:
                failed = Probe(
                    Endpoint.CONFIG, Failure.CONNECT_TIMEOUT, None, None, 5.0, "no answer to SYN"
                )
                yield node.hash, Observation(node, Failure.CONNECT_TIMEOUT, (failed,))
            else:
                yield node.hash, self._answer(node, ipv6 or plan.ipv6 is not None)

    def _answer(self, node: Node, ipv6: bool) -> Observation:
        config = ConfigWire.model_validate_json(CONFIG).config()
        usage = UsageWire.model_validate_json(self._usage(gpus=int(node.hash[:4], 16) % 50 == 0))
        probes = [Probe(Endpoint.CONFIG, Failure.NONE, 200, 1500, 0.03)]
        probes.append(Probe(Endpoint.USAGE, Failure.NONE, 200, 780, 0.02))
        if ipv6:
            probes.append(Probe(Endpoint.IPV6, Failure.NONE, 200, 30, 0.02))
        return Observation(
            node=node,
            failure=Failure.NONE,
            probes=tuple(probes),
            phases=Phases(0.01, 0.02, 0.03, 0.04),
            duration_seconds=0.2,
            cert_expiry_seconds=1e6,
            version=config.version,
            version_source="config",
            config=config,
            usage=usage.usage(),
            ipv6=Ipv6(Ipv6Method.STATUS, vm=True, host=True, aaaa=True) if ipv6 else None,
        )

    def _usage(self, gpus: bool) -> bytes:
        chance = self._chance
        cards = [{**GPU, "pci_host": f"{slot:02}:00.0"} for slot in range(8)] if gpus else []
        return json.dumps(
            {
                "cpu": {
                    "count": 32,
                    "load_average": {f"load{m}": 9 * chance.random() for m in (1, 5, 15)},
                },
                "mem": {"total_kB": 131_900_000, "available_kB": chance.randrange(131_900_000)},
                "disk": {"total_kB": 1_853_812_338, "available_kB": chance.randrange(10**9)},
                "properties": {"cpu": {"architecture": "x86_64", "vendor": "AuthenticAMD"}},
                "gpu": {"devices": cards, "available_devices": cards[: chance.randrange(9)]},
            }
        ).encode()


def entry(number: int) -> dict[str, Any]:
    """Return an entry of the list, of the length that they have."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    owner = f"0x{digest[:40]}"
    return {
        "hash": digest,
        "name": f"node {number} of a provider",
        "time": 1734453024.6,
        "type": "compute",
        "owner": owner,
        "score": 0.964502797686815,
        "banner": digest,
        "locked": False,
        "parent": digest[::-1],
        "reward": owner,
        "status": "linked",
        "address": f"https://crn-{number}.some-provider.example.org/",
        "manager": "",
        "picture": digest,
        "authorized": "",
        "description": "A node in a data centre that has green power and a fast network.",
        "performance": 0.875798448016674,
        "multiaddress": "",
        "score_updated": True,
        "stream_reward": owner,
        "inactive_since": None,
        "decentralization": 0.8393311079955136,
        "registration_url": "",
        "terms_and_conditions": digest,
    }


CONFIG: Final = json.dumps(
    {
        "version": "1.7.2",
        "references": {"CHECK_FASTAPI_VM_ID": "d2" * 32},
        "networking": {},
        "payment": {"PAYMENT_RECEIVER_ADDRESS": "0xA07B1214bAe0D5ccAA25449C3149c0aC83658874"},
        "computing": {
            "ENABLE_QEMU_SUPPORT": True,
            "ENABLE_CONFIDENTIAL_COMPUTING": False,
            "ENABLE_GPU_SUPPORT": False,
        },
    }
)
GPU: Final = {
    "vendor": "NVIDIA",
    "model": "RTX 4000 ADA",
    "device_name": "AD104GL [RTX 4000 SFF Ada Generation]",
    "device_class": "0300",
    "device_id": "10de:27b0",
    "compatible": True,
}


if __name__ == "__main__":
    main()
