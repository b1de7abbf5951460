"""Nodes and rounds once they are judged: what points are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.model.event import Event
from collector.model.failure import Failure
from collector.model.last_known import LastKnown
from collector.model.listing import NetworkSettings
from collector.model.node import Node
from collector.model.observation import Ipv6, Observation, Probe
from collector.model.vantage import BlindReason


@dataclass(frozen=True, slots=True)
class GpuCount:
    """GPUs of one kind on one node."""

    total: int
    available: int
    compatible: int | None
    """Cards that the network rents out; None if the node does not state it of each."""


@dataclass(frozen=True, slots=True)
class DueFacts:
    """Which facts are written in this round: those that changed, and each once an hour."""

    version: bool = False
    capability: bool = False
    probes: tuple[Probe, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node in one round, judged."""

    node: Node
    name: str
    """Display name in use as a tag."""
    observation: Observation | None
    """None when the node was not visited in this round."""
    failure: Failure
    """Of this round; of the last observation when the node was not visited."""
    up: bool | None
    """After hysteresis; None until there is evidence, and for addresses that are not dialled."""
    since: int | None
    """Time of the first round in which it was as `up` says, in epoch seconds; None with `up`."""
    lost: bool
    """Down now, and up within the last 7 days."""
    fresh: bool
    """This vantage could see, and its evidence is at most three intervals old."""
    evidence_age_seconds: float | None
    """Since the last round with evidence; None when there is none."""
    outdated: bool | None = None
    """Older than the network's `last_crn_version`; None while one of the two is unknown."""
    ipv6: Ipv6 | None = None
    """This round's measurement, if it is believed."""
    ipv6_ok: bool | None = None
    """Of the last measurement believed; None when it is more than two cadences old."""
    due: DueFacts = field(default_factory=DueFacts)
    """Which slow facts are written in this round."""
    gpus: Mapping[tuple[str, str], GpuCount] = field(default_factory=dict)
    """By model and device id, bounded names; empty when there are none or none were measured."""
    release: str | None = None
    """Release part of the version, a bounded name; None when the version is not known."""
    last_known: LastKnown = field(default_factory=LastKnown, repr=False, compare=False)
    """The last values read, in this round or an earlier one."""


@dataclass(frozen=True, slots=True)
class JudgedRound:
    """A whole round, judged. Points are made of this and nothing else."""

    time: int
    """The round's scheduled time, in epoch seconds."""
    settings: NetworkSettings
    directory_age_seconds: float
    """Since the list of nodes was last confirmed by a source."""
    statuses: tuple[NodeStatus, ...]
    """Of every listed node, in the order of the list."""
    events: tuple[Event, ...]
    reason: BlindReason
    """Why this vantage could not see; `none` if it could."""
    ipv6: bool
    """This vantage has IPv6."""
    models: tuple[str, ...] = ()
    """Every GPU model reported within a week."""
    releases: tuple[str, ...] = ()
    """Every release reported within a week."""

    @property
    def sees(self) -> bool:
        """Whether this vantage could see in this round."""
        return self.reason is BlindReason.NONE
