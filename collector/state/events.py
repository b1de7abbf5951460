"""Events: what is announced of a node, by its state before and after a round."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from typing import Final

from collector.model.event import Event, EventKind, clock, span
from collector.state.announcements import Announcements, announce, announce_gpus
from collector.state.node_state import NodeState

_LIST_LIMIT: Final = 200
"""Characters of a list in an event that are kept."""
_LISTED: Final = 16
"""Names in such a list."""


@dataclass(frozen=True, slots=True)
class AnnouncedChanges:
    """The changes of a node that are announced in a round, each since it was announced last."""

    old_address: str | None = None
    """None if no new address is announced; the same of the version."""
    old_version: str | None = None
    gpus: Mapping[str, int] = field(default_factory=dict)
    """By device, how many cards came, or went if negative."""
    gpu_labels: Mapping[str, str] = field(default_factory=dict)
    """What people call each device."""


@dataclass(frozen=True, slots=True)
class SharedAddress:
    """An address that several nodes have."""

    count: int
    """How many nodes."""
    first: tuple[str, ...]
    """The smallest of their hashes, in order: one more than an event lists."""

    @classmethod
    def of(cls, hashes: Collection[str]) -> SharedAddress:
        """Return the address that the nodes with these hashes share."""
        return cls(len(hashes), tuple(nsmallest(_LISTED + 1, hashes)))


_NOTHING: Final = AnnouncedChanges()


def joined(key: str, state: NodeState) -> Event:
    """Return the event of a node that is newly listed, or listed again."""
    return Event(EventKind.JOINED, key, state.name, f"{state.name} joined")


def left(key: str, state: NodeState) -> Event:
    """Return the event of a node that is no longer listed."""
    return Event(EventKind.LEFT, key, state.name, f"{state.name} left the list")


def announce_changes(
    before: NodeState, after: NodeState, time: int
) -> tuple[Announcements, AnnouncedChanges]:
    """Return what is announced of a node by the end of a round, and what of it is new.

    `before` and `after` are its states before and after the round, duplicates aside.
    """
    known = before.announced
    if (
        known.address is None
        and known.version is None
        and known.gpus is None
        and before.address == after.address
        and before.facts.version == after.facts.version
        and (before.gpus is after.gpus or before.gpus == after.gpus)
    ):
        return known, _NOTHING
    address, old_address = announce(known.address, before.address, after.address, time)
    version, old_version = announce(known.version, before.facts.version, after.facts.version, time)
    gpus, changes = known.gpus, dict[str, int]()
    if before.gpus is not None and after.gpus is not None:
        gpus, changes = announce_gpus(known.gpus, before.gpus, after.gpus, time)
    announced = replace(known, address=address, version=version, gpus=gpus)
    if announced == known:
        announced = known
    return announced, AnnouncedChanges(old_address, old_version, changes)


def events_between(
    key: str, before: NodeState, after: NodeState, changes: AnnouncedChanges
) -> list[Event]:
    """Return what happened to a listed node in a round, duplicates aside."""
    events = []
    if before.left_at is not None:
        events.append(joined(key, before))
    if before.name != after.name:
        events.append(_renamed(key, before, after))
    if changes.old_address is not None:
        events.append(_address_changed(key, changes.old_address, after))
    if before.availability.up is not None and before.availability.up != after.availability.up:
        events.append(_up(key, before, after) if after.availability.up else _down(key, after))
    if changes.old_version is not None:
        events.append(_version_changed(key, changes.old_version, after))
    return events + _gpu_events(key, after, changes)


def _renamed(key: str, before: NodeState, after: NodeState) -> Event:
    old, new = before.name, after.name
    return Event(EventKind.RENAMED, key, new, f"{old} is now {new}", old=old, new=new)


def _address_changed(key: str, old: str, after: NodeState) -> Event:
    new = after.address
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


def _version_changed(key: str, old: str, after: NodeState) -> Event:
    new = after.facts.version
    text = f"{after.name} went from {old} to {new}"
    return Event(EventKind.VERSION_CHANGED, key, after.name, text, old=old, new=new)


def _gpu_events(key: str, after: NodeState, changes: AnnouncedChanges) -> list[Event]:
    """Return at most one event for the cards that came and one for those that went.

    Cards are told apart by device id: what a card is called changes with firmware, with the
    network's settings and with the places for names, and moves no card.
    """
    events = []
    for kind, sign, verb in (
        (EventKind.GPU_ADDED, 1, "added"),
        (EventKind.GPU_REMOVED, -1, "removed"),
    ):
        cards = ", ".join(
            f"{abs(change)} x {f'{label} ({device})' if label else device}"
            for device, change in changes.gpus.items()
            if change * sign > 0
            for label in (changes.gpu_labels.get(device),)
        )[:_LIST_LIMIT]
        if cards:
            text = f"{after.name}: {verb} {cards}"
            events.append(Event(kind, key, after.name, text, new=cards))
    return events


def duplicate_hash(key: str, state: NodeState, addresses: Sequence[str]) -> Event:
    """Return the event of a hash that is listed more than once; `addresses` were not chosen."""
    listed = _list(nsmallest(_LISTED, addresses), len(addresses))
    text = f"{state.name}: its hash is listed again with {listed}"
    return Event(EventKind.DUPLICATE_HASH, key, state.name, text, new=listed)


def duplicate_address(key: str, state: NodeState, sharing: SharedAddress) -> Event:
    """Return the event of a node that shares its address with other nodes."""
    others = [digest[:8] for digest in sharing.first if digest != key]
    listed = _list(others[:_LISTED], sharing.count - 1)
    text = f"{state.name}: shares its address with {listed}"
    return Event(EventKind.DUPLICATE_ADDRESS, key, state.name, text, new=listed)


def _list(first: Sequence[str], count: int) -> str:
    """Return the first of so many names as a list that says how many more there are."""
    rest = f" and {count - len(first)} more" if count > len(first) else ""
    return f"{', '.join(first)[: _LIST_LIMIT - len(rest)]}{rest}"
