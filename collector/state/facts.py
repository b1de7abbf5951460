"""What is told of a node in a round: its events, and which slow facts are written this time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Final

from collector.model.event import Event, EventKind, clock, span
from collector.model.failure import Failure
from collector.model.listing import NetworkSettings
from collector.model.node import Node
from collector.model.observation import Capability, Endpoint, Gpu, Ipv6, Observation, Probe
from collector.model.status import GpuCount
from collector.state.bounded_names import OTHER, UNKNOWN, BoundedNames
from collector.state.node_state import NodeState
from collector.times import HOUR, is_due

_WARM_SECONDS: Final = HOUR
_LIST_LIMIT: Final = 200
"""Characters of a list in an event that are kept."""
_NOTHING_SAID: Final = Capability()
_ABILITIES: Final = tuple(f.name for f in fields(Capability))
_SLOW: Final = frozenset({Endpoint.IPV6, Endpoint.DIAGNOSTIC_VM})


def joined(node: Node, name: str) -> Event:
    """The node is new on the list, or on it again."""
    return Event(EventKind.JOINED, node.hash, name, f"{name} joined")


def left(key: str, memory: NodeState) -> Event:
    """The node is no longer on the list."""
    return Event(EventKind.LEFT, key, memory.name, f"{memory.name} left the list")


def renamed(node: Node, memory: NodeState) -> Event:
    """The node has a new name, which is taken up now."""
    old, new = memory.name, node.display_name
    return Event(EventKind.RENAMED, node.hash, new, f"{old} is now {new}", old=old, new=new)


def moved(node: Node, memory: NodeState) -> Event:
    """The node has a new address."""
    text = f"{memory.name} moved from {memory.address or '(none)'} to {node.address or '(none)'}"
    return Event(
        EventKind.ADDRESS_CHANGED,
        node.hash,
        memory.name,
        text,
        old=memory.address,
        new=node.address,
    )


def down(node: Node, memory: NodeState) -> Event:
    """The node is down, since the first bad round."""
    since = memory.changed_at or 0
    text = f"{memory.name} is down: {memory.failure} since {clock(since)}"
    return Event(
        EventKind.DOWN, node.hash, memory.name, text, failure=str(memory.failure), since=since
    )


def up(node: Node, memory: NodeState, down_since: int | None) -> Event:
    """The node is up again, since the first good round."""
    since = memory.changed_at or 0
    lasted = None if down_since is None else max(0.0, float(since - down_since))
    after = "" if lasted is None else f" after {span(lasted)}"
    text = f"{memory.name} is up again since {clock(since)}{after}"
    return Event(EventKind.UP, node.hash, memory.name, text, since=since, lasted_seconds=lasted)


def duplicate(kind: EventKind, node: Node, name: str, others: Iterable[str]) -> Event:
    """The node is listed more than once, or shares its address with other nodes."""
    what = (
        "its hash is listed again with"
        if kind is EventKind.DUPLICATE_HASH
        else "shares its address with"
    )
    listed = ", ".join(sorted(others))[:_LIST_LIMIT]
    return Event(kind, node.hash, name, f"{name}: {what} {listed}", new=listed)


def ipv6(memory: NodeState, time: int, observation: Observation) -> Ipv6 | None:
    """An IPv6 measurement that is believed: a no only when the next round confirms it.

    (A diagnostic VM that was cold says no, and is cold again an hour after it was asked.)
    """
    if not any(a.endpoint in _SLOW for a in observation.attempts):
        return None
    warm = memory.ipv6_at is not None and time - memory.ipv6_at < _WARM_SECONDS
    found, doubted = observation.ipv6, memory.ipv6_doubted and warm
    memory.ipv6_at = time
    if (found is None or not found.vm) and not doubted:
        memory.ipv6_doubted = True
        return None
    memory.ipv6_doubted = False
    if found:
        memory.ipv6_measured_at, memory.ipv6_ok = time, found.ok
    return found


def written(
    memory: NodeState,
    time: int,
    node: Node,
    observation: Observation | None,
    events: list[Event],
) -> dict[str, Any]:
    """Which of the facts that are written on change and once an hour are written now."""
    if observation is None or not observation.tried:
        return {}
    return {
        "write_version": _version(memory, time, node, observation, events),
        "write_capability": _capability(memory, time, node, observation.capability),
        "attempts": _attempts(memory, time, node, observation.attempts),
    }


def _version(
    memory: NodeState, time: int, node: Node, observation: Observation, events: list[Event]
) -> bool:
    new, old = observation.version, memory.version
    if new is None:
        return False
    changed = new != old
    if changed and old is not None:
        text = f"{memory.name} went from {old} to {new}"
        events.append(
            Event(EventKind.VERSION_CHANGED, node.hash, memory.name, text, old=old, new=new)
        )
    memory.version = new
    if not changed and not is_due(time, memory.version_at, HOUR, node.fraction()):
        return False
    memory.version_at = time
    return True


def _capability(memory: NodeState, time: int, node: Node, said: Capability) -> bool:
    if said == _NOTHING_SAID:
        return False
    known = memory.capability
    if said != known:
        news = {name: getattr(said, name) for name in _ABILITIES}
        known = replace(known, **{name: v for name, v in news.items() if v is not None})
    changed = known != memory.capability
    memory.capability = known
    if not changed and not is_due(time, memory.capability_at, HOUR, node.fraction()):
        return False
    memory.capability_at = time
    return True


def _attempts(
    memory: NodeState, time: int, node: Node, attempts: tuple[Probe, ...]
) -> tuple[Probe, ...]:
    """All once an hour; else those that failed, those that work again, and the rare ones."""
    hourly = is_due(time, memory.attempts_at, HOUR, node.fraction())
    if hourly:
        memory.attempts_at = time
    failing = set(memory.failing)
    shown = tuple(
        a
        for a in attempts
        if hourly or a.failure is not Failure.NONE or a.endpoint in failing or a.endpoint in _SLOW
    )
    for attempt in attempts:
        if attempt.failure is Failure.NONE:
            failing.discard(attempt.endpoint)
        else:
            failing.add(attempt.endpoint)
    memory.failing = sorted(failing)
    return shown


def gpus(
    memory: NodeState,
    time: int,
    node: Node,
    observation: Observation | None,
    settings: NetworkSettings,
    names: Mapping[str, BoundedNames],
    events: list[Event],
) -> dict[tuple[str, str], GpuCount]:
    """GPUs by kind, and the events of those that came or went; empty if not measured."""
    usage = observation.usage if observation else None
    if usage is None or usage.gpus is None:
        return {}
    grouped: dict[tuple[str, str], list[Gpu]] = {}
    for gpu in usage.gpus:
        grouped.setdefault(_kind(gpu, time, settings, names), []).append(gpu)
    counted = {
        kind: GpuCount(
            total=len(same),
            available=sum(gpu.available for gpu in same),
            compatible=_compatible(same),
        )
        for kind, same in sorted(grouped.items())
    }
    owned = Counter(gpu.device_id for gpu in usage.gpus)
    if memory.gpus is not None and memory.gpus != owned:
        called = {gpu.device_id: gpu.model or gpu.device_name for gpu in usage.gpus}
        events += _gpu_events(node, memory, owned, called | dict(settings.gpus))
    memory.gpus = dict(owned)
    return counted


def _compatible(same: list[Gpu]) -> int | None:
    known = [gpu.compatible for gpu in same if gpu.compatible is not None]
    return sum(known) if known else None


def _kind(
    gpu: Gpu, time: int, settings: NetworkSettings, names: Mapping[str, BoundedNames]
) -> tuple[str, str]:
    """Model and device id: as published, else a name that is bounded."""
    if published := settings.gpus.get(gpu.device_id):
        names["models"].note(published, time)
        return published, gpu.device_id
    model = gpu.model or gpu.device_name or UNKNOWN
    if model in settings.gpu_models:
        names["models"].note(model, time)
    else:
        model = names["models"].admit(model, time)
    if model == OTHER:
        return OTHER, OTHER
    return model, names["devices"].admit(gpu.device_id, time)


def _gpu_events(
    node: Node, memory: NodeState, now: Mapping[str, int], called: Mapping[str, str]
) -> list[Event]:
    """At most one event for what came and one for what went.

    Cards are told apart by their device: what a card is called changes with firmware, with the
    network's settings and with the places for names, and moves no card.
    """
    before = memory.gpus or {}
    changes = {card: now.get(card, 0) - before.get(card, 0) for card in sorted({*before, *now})}
    events = []
    for event, sign, verb in (
        (EventKind.GPU_ADDED, 1, "added"),
        (EventKind.GPU_REMOVED, -1, "removed"),
    ):
        told = ", ".join(
            f"{abs(change)} x {f'{called[card]} ({card})' if called.get(card) else card}"
            for card, change in changes.items()
            if change * sign > 0
        )[:_LIST_LIMIT]
        if told:
            text = f"{memory.name}: {verb} {told}"
            events.append(Event(event, node.hash, memory.name, text, new=told))
    return events
