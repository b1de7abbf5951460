"""What changed in the life of a node between two moments."""

from dataclasses import dataclass
from enum import StrEnum

from crn_simulator.truth import GpuTruth, Truth


class Kind(StrEnum):
    """What can happen to a node."""

    JOINED = "joined"
    LEFT = "left"
    DOWN = "down"
    UP = "up"
    CAUSE_CHANGED = "cause_changed"
    ADDRESS_CHANGED = "address_changed"
    RENAMED = "renamed"
    VERSION_CHANGED = "version_changed"
    GPU_TAKEN = "gpu_taken"
    GPU_RELEASED = "gpu_released"


@dataclass(frozen=True, slots=True)
class Event:
    """One change. old, new: the values in question; empty where there are none."""

    kind: Kind
    node: str
    old: str = ""
    new: str = ""


def differences(before: Truth, after: Truth) -> tuple[Event, ...]:
    """The events that lie between two truths about the same node."""
    node = after.node
    if not after.listed:
        return (Event(Kind.LEFT, node),) if before.listed else ()
    if not before.listed:
        return (Event(Kind.JOINED, node),)
    events = []
    if before.reachable != after.reachable:
        kind = Kind.UP if after.reachable else Kind.DOWN
        events.append(Event(kind, node, before.failure, after.failure))
    elif before.failure != after.failure:
        events.append(Event(Kind.CAUSE_CHANGED, node, before.failure, after.failure))
    if before.host != after.host:
        events.append(Event(Kind.ADDRESS_CHANGED, node, before.host, after.host))
    if before.name != after.name:
        events.append(Event(Kind.RENAMED, node, before.name, after.name))
    if before.version and after.version and before.version != after.version:
        events.append(Event(Kind.VERSION_CHANGED, node, before.version, after.version))
    taken_before, taken = _taken(before), _taken(after)
    if taken_before is not None and taken is not None and taken != taken_before:
        kind = Kind.GPU_TAKEN if taken > taken_before else Kind.GPU_RELEASED
        events.append(Event(kind, node, str(taken_before), str(taken)))
    return tuple(events)


def _taken(whole: Truth) -> int | None:
    gpus: tuple[GpuTruth, ...] | None = whole.usage.gpus if whole.usage else None
    return None if gpus is None else sum(gpu.used for gpu in gpus)
