"""Hashes that are listed more than once, and addresses that several nodes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from collector.model.event import Event
from collector.model.failure import Failure
from collector.model.listing import Listing
from collector.model.node import Node
from collector.state.events import duplicate_address, duplicate_hash
from collector.state.node_state import NodeState


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The duplicates of a listing. Addresses that are refused are not compared."""

    addresses: Mapping[str, tuple[str, ...]]
    """By hash listed more than once: the addresses that were not chosen."""
    nodes: Mapping[str, tuple[Node, ...]]
    """By address: every node that has it."""

    @classmethod
    def of(cls, listing: Listing) -> Duplicates:
        """Return the duplicates of a listing."""
        nodes: dict[str, list[Node]] = {}
        for node in listing.nodes:
            if node.refused is Failure.NONE:
                nodes.setdefault(node.address, []).append(node)
        shared = {address: tuple(same) for address, same in nodes.items() if len(same) > 1}
        return cls(listing.duplicate_hashes, shared)

    def update(self, node: Node, state: NodeState) -> tuple[NodeState, list[Event]]:
        """Return the state of a listed node, and an event for each duplication that is new."""
        addresses = self.addresses.get(node.hash, ())
        sharing = () if node.refused is not Failure.NONE else self.nodes.get(node.address, ())
        events: list[Event] = []
        if not (addresses or sharing or state.duplicate_hash or state.duplicate_address):
            return state, events
        if addresses and not state.duplicate_hash:
            events.append(duplicate_hash(node.hash, state, addresses))
        if sharing and not state.duplicate_address:
            others = [other.hash[:8] for other in sharing if other.hash != node.hash]
            events.append(duplicate_address(node.hash, state, others))
        flags = (bool(addresses), bool(sharing))
        if flags != (state.duplicate_hash, state.duplicate_address):
            state = replace(state, duplicate_hash=flags[0], duplicate_address=flags[1])
        return state, events
