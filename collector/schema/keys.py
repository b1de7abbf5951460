"""What points have in common: the tags, and the time, of a round and of a node in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoundKey:
    """What the points of one round and one collector share."""

    time: int
    """The round's scheduled time, in seconds since 1970."""
    vantage: str
    shard: str


@dataclass(frozen=True, slots=True)
class NodeKey:
    """What the points of one node in one round share."""

    time: int
    """The round's scheduled time, in seconds since 1970."""
    vantage: str
    node: str
    """Hash of the node."""
    name: str
    """Display name of the node."""
