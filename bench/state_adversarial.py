"""What one round costs the state when the list, or the nodes, are as bad as they can be.

Every case judges one round of so many nodes after a quiet one, and collects what the store has to
keep. Processor seconds; the observations are made beforehand.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from time import process_time
from typing import Final

from collector.directory.duplicates import choose
from collector.model.failure import Failure
from collector.model.listing import Listing, NetworkSettings
from collector.model.node import Node
from collector.model.observation import Config, Endpoint, Gpu, Observation, Probe, Usage
from collector.model.vantage import BlindReason
from collector.schema.build import points_of
from collector.state.context import RoundContext
from collector.state.rules import Rules
from collector.state.tracker import NodeTracker
from collector.times import DAY

START: Final = 1_800_000_000
_GPUS: Final = 64
_PROBES: Final = (Probe(Endpoint.CONFIG, Failure.NONE, 200, 1500, 0.03),)
_SETTINGS: Final = NetworkSettings({"10de:26b9": "L40S"}, "1.7.2")

Observe = Callable[[int, Node], Observation]


def measure_adversarial(nodes: Iterable[Node]) -> dict[str, float]:
    """Return the seconds of a round in each case, for these nodes."""
    honest = tuple(nodes)
    shared = tuple(replace(node, address="https://one.example.org") for node in honest)
    renamed = tuple(replace(node, name=f"{'x' * 50}{i}") for i, node in enumerate(honest))
    moved = tuple(replace(node, address=f"{node.address}/x") for node in honest)
    cases: Mapping[str, tuple[tuple[Node, ...], Observe]] = {
        "honest": (honest, _observe),
        "all at one address": (shared, _observe),
        "all with one name": (tuple(replace(node, name="x") for node in honest), _observe),
        "all renamed": (renamed, _observe),
        "all moved": (moved, _observe),
        "all left": (honest[:1], _observe),
        "another version each": (honest, _observe_version),
        f"{_GPUS} invented GPUs each": (honest, _observe_gpus),
    }
    seconds = {f"judge: {name}, s": _judge(honest, *case) for name, case in cases.items()}
    seconds["judge: all joined, s"] = _judge(honest[:1], honest, _observe)
    return seconds | _duplicate_hashes(honest)


def _judge(before: tuple[Node, ...], nodes: tuple[Node, ...], observe: Observe) -> float:
    """Return what a round of nodes costs a day after one of others."""
    tracker = NodeTracker(Rules())
    _play(tracker, START, before, _observe)
    return _play(tracker, START + DAY, nodes, observe)


def _play(tracker: NodeTracker, time: int, nodes: tuple[Node, ...], observe: Observe) -> float:
    listing = Listing(nodes, _SETTINGS, 0.0)
    context = RoundContext(time, listing, BlindReason.NONE, True)
    observations = {node.hash: observe(i, node) for i, node in enumerate(nodes)}
    gc.collect()
    started = process_time()
    judged = tracker.judge(context, observations)
    tracker.changes()
    spent = process_time() - started
    tracker.mark_saved()
    list(points_of(judged, "here", "0"))
    return spent


def _duplicate_hashes(nodes: tuple[Node, ...]) -> dict[str, float]:
    """Return what a list costs in which half of the entries have one hash."""
    half = len(nodes) // 2
    listed = [replace(node, hash=nodes[0].hash) for node in nodes[:half]] + [*nodes[half:]]
    started = process_time()
    unique = choose(listed, {})
    listing = Listing(unique.nodes, _SETTINGS, 0.0, unique.duplicates)
    NodeTracker(Rules()).judge(RoundContext(START, listing, BlindReason.NONE, True), {})
    return {"choose and judge: half of one hash, s": process_time() - started}


def _observe(
    number: int, node: Node, version: str = "1.7.2", gpus: tuple[Gpu, ...] = ()
) -> Observation:
    config = Config(version, "0xpaid", True, False, False, None)
    usage = Usage(8, 0.5, 0.25, 0.125, 64e9, 32e9, 2e12, 1e12, "x86_64", "AuthenticAMD", gpus)
    return Observation(
        node=node,
        failure=Failure.NONE,
        probes=_PROBES,
        version=version,
        version_source="config",
        config=config,
        usage=usage,
    )


def _observe_version(number: int, node: Node) -> Observation:
    return _observe(number, node, f"{number % 9999}.{number // 9999}.7")


def _observe_gpus(number: int, node: Node) -> Observation:
    invented = (f"{number:04x}:{card:04x}" for card in range(_GPUS))
    return _observe(number, node, gpus=tuple(Gpu(d, f"m {d}", "", True, True) for d in invented))
