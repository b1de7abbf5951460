"""What may be wrong with what a visit to a fuzzed node found, however strange its answers were."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from bench.fuzz.answer import FuzzedNode
from bench.fuzz.valid import figures_of
from collector.model.failure import Failure
from collector.model.observation import Endpoint, Observation
from collector.probe.wire import MAX_CPUS, MAX_GPUS, MAX_KILOBYTES

_MAX_BYTES: Final = MAX_KILOBYTES * 1000


class Kind(StrEnum):
    """Kinds of what is wrong."""

    CRASH = "crash"
    WRONG_TYPE = "wrong_type"
    FOREIGN_POINT = "foreign_point"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    kind: Kind
    node: str
    """Hash of the node; empty if it is nobody's."""
    text: str
    visit: str = ""
    """Seed, round and number of the node, by which its answers are made again."""


def check_observation(observation: Observation) -> Iterator[Finding]:
    """Yield what is wrong with what one visit found."""
    node = observation.node.hash
    failures = {observation.failure, *(probe.failure for probe in observation.probes)}
    if Failure.INTERNAL in failures:
        yield Finding(Kind.CRASH, node, f"internal: {observation}")
    if not is_declared(observation, Observation):
        yield Finding(Kind.WRONG_TYPE, node, f"not of its declared types: {observation}")
    usage = observation.usage
    amounts = (usage.mem_total_bytes, usage.disk_total_bytes) if usage else ()
    if usage and not (
        (usage.cpu_count is None or 0 < usage.cpu_count <= MAX_CPUS)
        and (usage.gpus is None or len(usage.gpus) <= MAX_GPUS)
        and all(amount is None or 0 < amount <= _MAX_BYTES for amount in amounts)
    ):
        yield Finding(Kind.WRONG_TYPE, node, f"more than a machine can hold: {usage}")


def check_unchanged(observation: Observation, node: FuzzedNode) -> Iterator[Finding]:
    """Yield which answers that were not mutated were not read as they are."""
    key = observation.node.hash
    for probe in observation.probes:
        if not probe.answered or node.is_mutated(probe.endpoint):
            continue
        config, usage = observation.config, observation.usage
        if probe.endpoint is Endpoint.CONFIG and node.valid.has_config:
            if config is None or config.version != node.valid.version:
                yield Finding(Kind.FOREIGN_POINT, key, f"not its own configuration: {config}")
        elif probe.endpoint is Endpoint.USAGE:
            cards = None if usage is None or usage.gpus is None else len(usage.gpus)
            read = usage and (usage.cpu_count, usage.mem_total_bytes, cards)
            if read != figures_of(node.valid):
                yield Finding(Kind.FOREIGN_POINT, key, f"not its own usage: {usage}")


def is_declared(value: Any, declared: Any) -> bool:
    """Return whether a value and all that it holds is of its declared type, and finite."""
    if declared is Any:
        return True
    origin = typing.get_origin(declared)
    if origin in (types.UnionType, typing.Union):
        return any(is_declared(value, one) for one in typing.get_args(declared))
    if origin is tuple:
        (item, _) = typing.get_args(declared)
        return type(value) is tuple and all(is_declared(one, item) for one in value)
    if type(value) is not declared:
        return False
    if isinstance(value, float):
        return math.isfinite(value)
    if dataclasses.is_dataclass(value):
        hints = _hints(declared)
        return all(is_declared(getattr(value, name), hint) for name, hint in hints.items())
    return True


_hints: Final[Callable[[Any], dict[str, Any]]] = functools.cache(typing.get_type_hints)
