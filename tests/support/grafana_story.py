"""A small network that lives by a script and writes typed points: what Grafana is tested on.

It is no simulation of the collector: it says directly what a collector would have written about
nodes that are up, lost, dead for long, visited by a blind vantage, or not visited for a while.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from zlib import crc32

from collector.model.failure import Failure, Fault
from collector.schema.column import Point
from collector.schema.measurements import (
    Collector,
    CollectorStore,
    CrnCapability,
    CrnGpu,
    CrnIpv6,
    CrnProbe,
    CrnReachability,
    CrnUsage,
    CrnVersion,
    Network,
    NetworkEvent,
    NetworkFailure,
    NetworkGpu,
    NetworkVersion,
)
from collector.schema.node_points import BLIND_WEIGHT, FULL_WEIGHT

INTERVAL = 60
HOUR = 3600
DAY = 24 * HOUR
DOWN_AFTER = 3 * INTERVAL
UP_AFTER = 2 * INTERVAL
GIGABYTE = 1e9
MODELS = (
    ("RTX 4090", "10de:2684", 4),
    ("H100", "10de:2336", 8),
    ("L40S", "10de:26b9", 2),
    ("RTX 6000 ADA", "10de:26b1", 2),
    ("RTX 3090", "10de:2204", 6),
    ("RTX 4000 ADA", "10de:27b2", 1),
)
VERSIONS = ("1.14.0", "1.13.0", "1.12.0", "1.10.0", "1.9.0", "1.8.1", "1.7.2", "1.3.0", "0.3.0")
VERSION_SHARE = (30, 25, 14, 10, 6, 6, 4, 3, 2)
WORDS = (
    *("amber", "birch", "cedar", "delta", "ember", "fjord", "grove"),
    *("heron", "iris", "juniper", "kelp", "lotus", "maple", "north"),
)
DEAD_OF = (
    Failure.DNS_NOT_FOUND,
    Failure.CONNECT_TIMEOUT,
    Failure.CONNECT_REFUSED,
    Failure.TLS_EXPIRED,
    Failure.SERVER_ERROR,
    Failure.NOT_A_CRN,
    Failure.CONNECT_UNREACHABLE,
)


@dataclass(frozen=True)
class Machine:
    """One node, as it is when nothing happens to it."""

    hash: str
    name: str
    version: str
    dead: Failure | None
    refused: bool
    cpus: int
    memory: float
    disk: float
    busy: float
    latency: float
    gpus: tuple[tuple[str, str, int], ...]
    ipv6: bool
    cert_ends: float
    """Seconds of its certificate at the story's start, renewed when a third remains."""

    @property
    def fraction(self) -> float:
        """Where in an hour or day it has its turn."""
        return int(self.hash[:8], 16) / 2**32

    @property
    def outdated(self) -> bool:
        """Older than 1.9.0."""
        return self.version in VERSIONS[5:]


@dataclass(frozen=True)
class Outage:
    """Nodes that fail from one time to another."""

    nodes: frozenset[int]
    begin: int
    end: int
    failure: Failure = Failure.CONNECT_TIMEOUT

    def down(self, time: int) -> bool:
        """After hysteresis."""
        return self.begin + DOWN_AFTER <= time < self.end + UP_AFTER


@dataclass(frozen=True)
class Story:
    """What happens, and to whom."""

    begin: int
    """Time of the first round."""
    end: int
    count: int = 40
    seed: int = 1
    dead_ratio: float = 0.0
    gpu_ratio: float = 0.1
    vantages: tuple[str, ...] = ("default",)
    shards: int = 1
    """Collectors that share the nodes at each vantage."""
    stopped: tuple[tuple[str, str, int], ...] = ()
    """(vantage, shard, since): a collector that writes nothing any more."""
    outages: tuple[Outage, ...] = ()
    blind: tuple[tuple[str, int, int], ...] = ()
    """(vantage, begin, end)"""
    silent: tuple[tuple[int, int], ...] = ()
    """(begin, end) without any round: the collector was stopped."""
    cert_seconds: dict[int, float] = field(default_factory=dict)
    gpus_taken: bool = False
    """Whether every card is in use."""
    all_outdated: bool = False
    stale_since: int | None = None
    """Since when the list of nodes was not confirmed."""
    backlog: float = 0.0
    dropped: int = 0
    conflict: bool = False
    """Whether another collector writes the same points."""

    def machines(self) -> list[Machine]:
        """The nodes, the same ones for the same seed."""
        chance = random.Random(self.seed)
        return [self._machine(number, chance) for number in range(self.count)]

    def _machine(self, number: int, chance: random.Random) -> Machine:
        word = WORDS[number % len(WORDS)]
        dead = chance.choice(DEAD_OF) if chance.random() < self.dead_ratio else None
        version = chance.choices(VERSIONS, VERSION_SHARE)[0]
        gpus = (chance.choice(MODELS),) if chance.random() < self.gpu_ratio else ()
        return Machine(
            hash=sha256(f"{self.seed}-{number}".encode()).hexdigest(),
            name=f"{word}-{number:03d}",
            version="1.8.1" if self.all_outdated else version,
            dead=dead,
            refused=dead is None and self.dead_ratio > 0 and number % 97 == 13,
            cpus=chance.choice((8, 16, 32, 64, 128)),
            memory=chance.choice((32, 64, 128, 256, 512)) * GIGABYTE,
            disk=chance.choice((500, 1000, 2000, 4000)) * GIGABYTE,
            busy=chance.betavariate(2, 4),
            latency=0.02 + chance.expovariate(12),
            gpus=gpus,
            ipv6=chance.random() < 0.85,
            cert_ends=self.cert_seconds.get(number, (35 + 50 * chance.random()) * DAY),
        )

    def rounds(self) -> range:
        """The times of all rounds, those without a collector included."""
        return range(self.begin, self.end, INTERVAL)

    def points(self) -> Iterator[Point]:
        """Everything that is written."""
        machines = self.machines()
        for vantage in self.vantages:
            for time in self.rounds():
                if any(begin <= time < end for begin, end in self.silent):
                    continue
                for shard in range(self.shards):
                    if not self._has_stopped(vantage, str(shard), time):
                        yield from Round(self, machines, vantage, time, shard).points()

    def shard_of(self, machine: Machine) -> int:
        """The shard that a node falls into, by its hash."""
        return int(machine.hash[-8:], 16) % self.shards

    def _has_stopped(self, vantage: str, shard: str, time: int) -> bool:
        return any(
            (vantage, shard) == (where, which) and time >= since
            for where, which, since in self.stopped
        )


@dataclass(frozen=True)
class NodeState:
    """One node in one round."""

    number: int
    machine: Machine
    failure: Failure
    down: bool
    lost: bool
    since: int
    """First round of what holds now."""


class Round:
    """One round of one collector: of the nodes of its shard, as its vantage saw them."""

    def __init__(
        self, story: Story, machines: list[Machine], vantage: str, time: int, shard: int = 0
    ) -> None:
        self.story = story
        self.machines = machines
        self.time = time
        self.vantage = vantage
        self.sees = not any(
            who == vantage and begin <= time < end for who, begin, end in story.blind
        )
        self.shard = shard

    def points(self) -> Iterator[Point]:
        """Every point of the round."""
        states = [
            self.state_of(number, machine)
            for number, machine in enumerate(self.machines)
            if self.story.shard_of(machine) == self.shard
        ]
        events = list(self._events())
        for one in states:
            yield from self._node(one)
        yield from self._network(states)
        yield from events
        yield from self._self(len(states))

    def _base(self) -> dict[str, Any]:
        return {"time": self.time, "vantage": self.vantage}

    def _shard_base(self) -> dict[str, Any]:
        return self._base() | {"shard": str(self.shard)}

    def state_of(self, number: int, machine: Machine) -> NodeState:
        outages = [outage for outage in self.story.outages if number in outage.nodes]
        now = [o for o in outages if o.begin <= self.time < o.end]
        lost = any(outage.down(self.time) for outage in outages) and not machine.dead
        failure = machine.dead or (now[0].failure if now else Failure.NONE)
        if machine.refused:
            failure = Failure.FORBIDDEN_ADDRESS
        elif not self.sees:
            failure = Failure.BLIND
        changes = [(one.begin + DOWN_AFTER, one.begin) for one in outages if not machine.dead]
        changes += [(one.end + UP_AFTER, one.end) for one in outages if not machine.dead]
        since = max((first for at, first in changes if at <= self.time), default=self.story.begin)
        return NodeState(number, machine, failure, bool(machine.dead) or lost, lost, since)

    def _node(self, state: NodeState) -> Iterator[Point]:
        machine, fault = state.machine, state.failure.fault
        base = self._base() | {"node": machine.hash, "name": machine.name}
        fine = state.failure is Failure.NONE
        tried = fault is not Fault.POLICY
        noise = self._noise(f"{machine.hash} latency")
        first = machine.latency * (0.8 + 0.4 * noise)
        yield CrnReachability(
            **base,
            reachable=fine if tried else None,
            up=not state.down if tried else None,
            since=state.since if tried else None,
            lost=state.lost,
            probed=tried,
            status_code=200 if fine else None,
            linked=state.number % 10 != 3,
            inactive=machine.dead is not None and state.number % 2 == 0,
            weight=FULL_WEIGHT if self.sees else BLIND_WEIGHT,
            evidence_age_seconds=0.0 if self.sees else 60.0,
            dns_seconds=0.004 + 0.01 * noise if fine else None,
            tcp_seconds=first * 0.3 if fine else None,
            tls_seconds=first * 0.7 + 0.004 if fine else None,
            ttfb_seconds=first if fine else None,
            duration_seconds=first * 3 if fine else 5.0 if tried else None,
            cert_expiry_seconds=self._certificate(machine) if fine else None,
            score=0.0 if machine.dead else round(0.85 + 0.14 * machine.fraction, 4),
            failure=str(state.failure),
            fault=str(fault),
            address=f"https://{machine.name}.example.org",
        )
        if fine:
            yield from self._answers(machine, base, first)
        elif tried and self.time % (15 * INTERVAL) == 0:
            yield CrnProbe(
                **base,
                endpoint="/status/config",
                success=False,
                duration_seconds=5.0,
                failure=str(state.failure),
            )

    def _certificate(self, machine: Machine) -> float:
        left = machine.cert_ends - (self.time - self.story.begin)
        while left < 30 * DAY and machine.cert_ends > 30 * DAY:
            left += 60 * DAY
        return left

    def _load(self, machine: Machine) -> float:
        day = math.sin(2 * math.pi * (self.time / DAY + machine.fraction / 4))
        return min(0.98, max(0.02, machine.busy + 0.15 * day + 0.04 * self._noise(machine.hash)))

    def _noise(self, of: str) -> float:
        """Between 0 and 1; the same whatever shard it is in."""
        key = f"{self.story.seed} {self.vantage} {self.time} {of}"
        return crc32(key.encode()) / 2**32

    def used_cards(self, machine: Machine, cards: int) -> int:
        if self.story.gpus_taken:
            return cards
        step = self.time // (3 * HOUR) + int(machine.hash[:4], 16)
        swing = math.sin(2 * math.pi * (self.time / DAY + machine.fraction))
        return min(cards, max(0, round(cards * (0.6 + 0.35 * swing + 0.1 * (step % 3 - 1)))))

    def _turn(self, machine: Machine, every: int) -> bool:
        offset = int(machine.fraction * every) // INTERVAL * INTERVAL
        return self.time % every // INTERVAL * INTERVAL == offset

    def _answers(self, machine: Machine, base: dict[str, Any], first: float) -> Iterator[Point]:
        load = self._load(machine)
        cards = sum(total for _, _, total in machine.gpus)
        used = sum(self.used_cards(machine, total) for _, _, total in machine.gpus)
        yield CrnUsage(
            **base,
            cpu_count=machine.cpus,
            gpu_total=cards,
            gpu_used=used,
            gpu_available=cards - used,
            load1=load * machine.cpus * (0.8 + 0.4 * self._noise(f"{machine.hash} load")),
            load5=load * machine.cpus,
            load15=machine.busy * machine.cpus,
            mem_total_bytes=machine.memory,
            mem_available_bytes=machine.memory * (1 - load),
            disk_total_bytes=machine.disk,
            disk_available_bytes=machine.disk * (1 - machine.busy),
        )
        for model, device, total in machine.gpus:
            taken = self.used_cards(machine, total)
            yield CrnGpu(
                **base,
                model=model,
                device_id=device,
                total=total,
                used=taken,
                available=total - taken,
                compatible=total,
            )
        if self._turn(machine, HOUR) or self.time == self.story.begin:
            yield CrnVersion(
                **base, version=machine.version, source="config", outdated=machine.outdated
            )
            yield CrnCapability(
                **base,
                architecture="x86_64",
                cpu_vendor="AuthenticAMD" if machine.fraction > 0.4 else "GenuineIntel",
                payment_receiver=f"0x{machine.hash[:40]}",
                qemu=True,
                confidential=machine.fraction > 0.9,
                gpu=bool(machine.gpus),
                terms=False,
            )
            for endpoint, size in (("/status/config", 1843), ("/about/usage/system", 912)):
                yield CrnProbe(
                    **base,
                    endpoint=endpoint,
                    success=True,
                    status_code=200,
                    response_bytes=size,
                    duration_seconds=first * 0.4,
                    failure="none",
                )
        if self._turn(machine, 6 * HOUR) or self.time == self.story.begin:
            yield CrnIpv6(
                **base,
                ok=machine.ipv6,
                host=machine.ipv6,
                vm=machine.ipv6,
                aaaa=machine.ipv6,
                direct=None,
                method="status",
            )

    def _network(self, states: list[NodeState]) -> Iterator[Point]:
        base = self._shard_base()
        fine = [one.machine for one in states if one.failure is Failure.NONE]
        known = [one for one in states if one.machine.dead is None and not one.machine.refused]
        cards: Counter[str] = Counter()
        taken: Counter[str] = Counter()
        owners: Counter[str] = Counter()
        for machine in fine:
            for model, _, total in machine.gpus:
                cards[model] += total
                taken[model] += self.used_cards(machine, total)
                owners[model] += 1
        sums: dict[str, Any] = {}
        if fine:
            free = sum(m.memory * (1 - self._load(m)) for m in fine)
            sums = {
                "cpu_total": sum(m.cpus for m in fine),
                "gpu_total": cards.total(),
                "gpu_used": taken.total(),
                "gpu_available": cards.total() - taken.total(),
                "mem_total_bytes": sum(m.memory for m in fine),
                "mem_available_bytes": free,
                "disk_total_bytes": sum(m.disk for m in fine),
                "disk_available_bytes": sum(m.disk * (1 - m.busy) for m in fine),
            }
        stale = self.story.stale_since
        yield Network(
            **base,
            nodes=len(states),
            nodes_linked=sum(one.number % 10 != 3 for one in states),
            nodes_measured=len(fine),
            nodes_reachable=len(fine),
            nodes_up=sum(not one.down and not one.machine.refused for one in states),
            nodes_lost=sum(one.lost for one in states),
            nodes_unfinished=0,
            nodes_outdated=sum(one.machine.outdated for one in known),
            nodes_ipv6_measured=len(known),
            nodes_ipv6_ok=sum(one.machine.ipv6 for one in known),
            vantage_ok=self.sees,
            vantage_ipv6=True,
            directory_age_seconds=float(
                self.time - stale if stale and self.time > stale else self.time % 300
            ),
            vantage_reason="none" if self.sees else "controls",
            **sums,
        )
        if self.sees:
            for model, total in sorted(cards.items()):
                yield NetworkGpu(
                    **base,
                    model=model,
                    total=total,
                    used=taken[model],
                    available=total - taken[model],
                    nodes=owners[model],
                )
        versions = Counter(one.machine.version for one in known)
        reachable = Counter(machine.version for machine in fine)
        for version, count in sorted(versions.items()):
            yield NetworkVersion(**base, version=version, nodes=count, reachable=reachable[version])
        failures = Counter(one.failure for one in states)
        for failure in Failure:
            yield NetworkFailure(
                **base, failure=str(failure), fault=str(failure.fault), nodes=failures[failure]
            )

    def _events(self) -> Iterator[Point]:
        for outage in self.story.outages:
            for number in sorted(outage.nodes):
                machine = self.machines[number]
                base = self._base() | {"node": machine.hash, "name": machine.name}
                if machine.dead or machine.refused or self.story.shard_of(machine) != self.shard:
                    continue
                if self.time == outage.begin + DOWN_AFTER:
                    yield NetworkEvent(
                        **base,
                        kind="down",
                        text=f"{machine.name} is down: {outage.failure}",
                        failure=str(outage.failure),
                        since=outage.begin,
                    )
                if self.time == outage.end + UP_AFTER:
                    lasted = float(outage.end - outage.begin)
                    yield NetworkEvent(
                        **base,
                        kind="up",
                        text=f"{machine.name} is up again after {lasted / 60:.0f} minutes",
                        since=outage.end,
                        lasted_seconds=lasted,
                    )

    def _self(self, nodes: int) -> Iterator[Point]:
        yield Collector(
            **self._shard_base(),
            round_seconds=33.0 + 3 * self._noise("round"),
            loop_lag_seconds=0.004 + 0.01 * self._noise("lag"),
            loop_late_seconds=0.02 + 0.05 * self._noise("lag"),
            probes=nodes * 2,
            points=nodes * 3,
            rounds_skipped=0,
            rounds_missed=0,
            overran=False,
            rss_bytes=92_000_000 + int(3e6 * self._noise("memory")),
            open_fds=40 + int(12 * self._noise("files")),
            instance="5f0c1d2e3a4b5c6d",
        )
        for store in ("embedded", "influxdb"):
            yield CollectorStore(
                **self._shard_base(),
                store=store,
                connected=True,
                points_delivered=nodes * 3,
                points_rejected=0,
                points_dropped=self.story.dropped if store == "influxdb" else 0,
                backlog_bytes=int(self.story.backlog * 30) * nodes,
                backlog_points=int(self.story.backlog) * nodes,
                backlog_seconds=self.story.backlog if store == "influxdb" else 0.0,
                write_seconds=0.02 + 0.02 * self._noise(store),
                conflict=self.story.conflict if store == "influxdb" else None,
            )


def batches(points: Iterable[Point], size: int) -> Iterator[list[Point]]:
    """Points in portions of one write each."""
    batch: list[Point] = []
    for point in points:
        batch.append(point)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
