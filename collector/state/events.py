"""Events: what is announced of a node, by its state before and after a round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from collector.model.event import Event, EventKind, clock, span
from collector.state.node_state import NodeState

_LIST_LIMIT: Final = 200
"""Characters of a list in an event that are kept."""


def joined(key: str, state: NodeState) -> Event:
    """Return the event of a node that is newly listed, or listed again."""
    return Event(EventKind.JOINED, key, state.name, f"{state.name} joined")


def left(key: str, state: NodeState) -> Event:
    """Return the event of a node that is no longer listed."""
    return Event(EventKind.LEFT, key, state.name, f"{state.name} left the list")


def events_between(key: str, before: NodeState, after: NodeState) -> list[Event]:
    """Return what happened to a listed node in a round, cards and duplicates aside."""
    events = []
    if before.left_at is not None:
        events.append(joined(key, before))
    if before.name != after.name:
        events.append(_renamed(key, before, after))
    if before.address != after.address:
        events.append(_address_changed(key, before, after))
    if before.availability.up is not None and before.availability.up != after.availability.up:
        events.append(_up(key, before, after) if after.availability.up else _down(key, after))
    if before.facts.version not in (None, after.facts.version):
        events.append(_version_changed(key, before, after))
    return events


def _renamed(key: str, before: NodeState, after: NodeState) -> Event:
    old, new = before.name, after.name
    return Event(EventKind.RENAMED, key, new, f"{old} is now {new}", old=old, new=new)


def _address_changed(key: str, before: NodeState, after: NodeState) -> Event:
    old, new = before.address, after.address
    text = f"{after.name} moved from {old or '(none)'} to {new or '(none)'}"
    return Event(EventKind.ADDRESS_CHANGED, key, after.name, text, old=old, new=new)


def _down(key: str, state: NodeState) -> Event:
    since = state.availability.changed_at or 0
    text = f"{state.name} is down: {state.failure} since {clock(since)}"
    return Event(EventKind.DOWN, key, state.name, text, failure=str(state.failure), since=since)


def _up(key: str, before: NodeState, after: NodeState) -> Event:
    since, down_since = after.availability.changed_at or 0, before.availability.changed_at
    lasted = None if down_since is None else max(0.0, float(since - down_since))
    duration = "" if lasted is None else f" after {span(lasted)}"
    text = f"{after.name} is up again since {clock(since)}{duration}"
    return Event(EventKind.UP, key, after.name, text, since=since, lasted_seconds=lasted)


def _version_changed(key: str, before: NodeState, after: NodeState) -> Event:
    old, new = before.facts.version, after.facts.version
    text = f"{after.name} went from {old} to {new}"
    return Event(EventKind.VERSION_CHANGED, key, after.name, text, old=old, new=new)


def gpu_events(
    key: str, before: NodeState, after: NodeState, labels: Mapping[str, str]
) -> list[Event]:
    """Return at most one event for the cards that came and one for those that went.

    Cards are told apart by device id: what a card is called changes with firmware, with the
    network's settings and with the places for names, and moves no card. `labels` are what people
    call each device.
    """
    if before.gpus is None or after.gpus is None or before.gpus == after.gpus:
        return []
    changes = {
        device: after.gpus.get(device, 0) - before.gpus.get(device, 0)
        for device in sorted({*before.gpus, *after.gpus})
    }
    events = []
    for kind, sign, verb in (
        (EventKind.GPU_ADDED, 1, "added"),
        (EventKind.GPU_REMOVED, -1, "removed"),
    ):
        cards = ", ".join(
            f"{abs(change)} x {f'{labels[device]} ({device})' if labels.get(device) else device}"
            for device, change in changes.items()
            if change * sign > 0
        )[:_LIST_LIMIT]
        if cards:
            text = f"{after.name}: {verb} {cards}"
            events.append(Event(kind, key, after.name, text, new=cards))
    return events


def duplicate_hash(key: str, state: NodeState, addresses: Iterable[str]) -> Event:
    """Return the event of a hash that is listed more than once; `addresses` were not chosen."""
    listed = ", ".join(sorted(addresses))[:_LIST_LIMIT]
    text = f"{state.name}: its hash is listed again with {listed}"
    return Event(EventKind.DUPLICATE_HASH, key, state.name, text, new=listed)


def duplicate_address(key: str, state: NodeState, hashes: Iterable[str]) -> Event:
    """Return the event of a node that shares its address with other nodes, given their hashes."""
    listed = ", ".join(sorted(hashes))[:_LIST_LIMIT]
    text = f"{state.name}: shares its address with {listed}"
    return Event(EventKind.DUPLICATE_ADDRESS, key, state.name, text, new=listed)
