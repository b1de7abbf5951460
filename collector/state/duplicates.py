"""Hashes that are listed more than once, and addresses that several nodes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from collector.model.event import Event
from collector.model.failure import Failure
from collector.model.listing import Listing
from collector.model.node import Node
from collector.state.announcements import announce_beginning
from collector.state.events import SharedAddress, duplicate_address, duplicate_hash
from collector.state.node_state import NodeState


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The duplicates of a listing. Addresses that are refused are not compared."""

    addresses: Mapping[str, tuple[str, ...]]
    """By hash listed more than once: the addresses that were not chosen."""
    shared: Mapping[str, SharedAddress]
    """By address that several nodes have."""

    @classmethod
    def of(cls, listing: Listing) -> Duplicates:
        """Return the duplicates of a listing."""
        hashes: dict[str, list[str]] = {}
        for node in listing.nodes:
            if node.refused is Failure.NONE:
                hashes.setdefault(node.address, []).append(node.hash)
        shared = {a: SharedAddress.of(same) for a, same in hashes.items() if len(same) > 1}
        return cls(listing.duplicate_hashes, shared)

    def update(self, node: Node, state: NodeState, time: int) -> tuple[NodeState, list[Event]]:
        """Return the state of a listed node, and an event for each duplication that is new.

        Within an hour, one that ends and begins again is not new.
        """
        known = state.announced
        addresses = self.addresses.get(node.hash, ())
        sharing = None if node.refused is not Failure.NONE else self.shared.get(node.address)
        was, now = (state.duplicate_hash, state.duplicate_address), (bool(addresses), bool(sharing))
        last = (known.duplicate_hash_at, known.duplicate_address_at)
        if was == now and last == (None, None):
            return state, []
        hash_at, is_new_hash = announce_beginning(last[0], was[0], now[0], time)
        address_at, is_new_address = announce_beginning(last[1], was[1], now[1], time)
        events: list[Event] = []
        if is_new_hash:
            events.append(duplicate_hash(node.hash, state, addresses))
        if is_new_address and sharing:
            events.append(duplicate_address(node.hash, state, sharing))
        if was == now and last == (hash_at, address_at):
            return state, events
        known = replace(known, duplicate_hash_at=hash_at, duplicate_address_at=address_at)
        state = replace(state, duplicate_hash=now[0], duplicate_address=now[1], announced=known)
        return state, events
