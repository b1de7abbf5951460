"""The network as it is published: its nodes and its own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.model.node import Node


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """The network's settings aggregate; empty if it was never read."""

    gpus: Mapping[str, str] = field(default_factory=dict)
    """Model by device id of every GPU that the network rents out."""
    last_crn_version: str | None = None
    """The version below which a node counts as outdated."""

    @property
    def gpu_models(self) -> frozenset[str]:
        """Every published model."""
        return frozenset(self.gpus.values())


@dataclass(frozen=True, slots=True)
class Listing:
    """The directory at one moment. Every hash appears once."""

    nodes: tuple[Node, ...]
    settings: NetworkSettings
    age_seconds: float
    """Since the list of nodes was last confirmed by a source."""
    duplicate_hashes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By hash listed more than once: the addresses of the entries that are not used."""
