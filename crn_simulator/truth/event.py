"""Changes of a node between two times."""

from dataclasses import dataclass
from enum import StrEnum

from crn_simulator.truth.node_truth import GpuTruth, NodeTruth


class EventKind(StrEnum):
    """Kinds of change."""

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
class TruthEvent:
    """One change of a node. old, new: the values before and after; empty where there are none."""

    kind: EventKind
    node: str
    old: str = ""
    new: str = ""


def events_between(before: NodeTruth, after: NodeTruth) -> tuple[TruthEvent, ...]:
    """Return the changes between two truths about the same node."""
    node = after.node
    if not after.listed:
        return (TruthEvent(EventKind.LEFT, node),) if before.listed else ()
    if not before.listed:
        return (TruthEvent(EventKind.JOINED, node),)
    events = []
    if before.reachable != after.reachable:
        kind = EventKind.UP if after.reachable else EventKind.DOWN
        events.append(TruthEvent(kind, node, before.failure, after.failure))
    elif before.failure != after.failure:
        events.append(TruthEvent(EventKind.CAUSE_CHANGED, node, before.failure, after.failure))
    if before.host != after.host:
        events.append(TruthEvent(EventKind.ADDRESS_CHANGED, node, before.host, after.host))
    if before.name != after.name:
        events.append(TruthEvent(EventKind.RENAMED, node, before.name, after.name))
    if before.version and after.version and before.version != after.version:
        events.append(TruthEvent(EventKind.VERSION_CHANGED, node, before.version, after.version))
    used_before, used = _gpus_used(before), _gpus_used(after)
    if used_before is not None and used is not None and used != used_before:
        kind = EventKind.GPU_TAKEN if used > used_before else EventKind.GPU_RELEASED
        events.append(TruthEvent(kind, node, str(used_before), str(used)))
    return tuple(events)


def _gpus_used(truth: NodeTruth) -> int | None:
    gpus: tuple[GpuTruth, ...] | None = truth.usage.gpus if truth.usage else None
    return None if gpus is None else sum(gpu.used for gpu in gpus)
