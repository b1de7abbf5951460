"""What a round says of each node, once state has judged it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.failure import Failure
from collector.listing import NetworkSettings
from collector.node import Node
from collector.observation import Attempt, Ipv6, Observation
from collector.state.event import Event
from collector.vantage import Reason


@dataclass(frozen=True, slots=True)
class GpuCount:
    """GPUs of one kind on one node."""

    total: int
    available: int
    compatible: int | None
    """None on firmware that does not say it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One node in one round."""

    node: Node
    name: str
    """Display name as it is a tag."""
    observation: Observation | None
    """None when the node was not looked at in this round."""
    failure: Failure
    """Of this round; as it was when the node was not looked at."""
    up: bool | None
    """None when nothing is known yet, and for addresses that are not dialled."""
    since: int | None
    """Round's time since which `up` is what it is; None with it."""
    lost: bool
    """Down now, and up within the last 7 days."""
    fresh: bool
    """This vantage could see, and its evidence is at most three intervals old."""
    evidence_age_seconds: float | None
    """None when there is none."""
    outdated: bool | None = None
    ipv6: Ipv6 | None = None
    """A measurement that is believed."""
    ipv6_ok: bool | None = None
    """By the last measurement that is at most two cadences old."""
    write_version: bool = False
    write_capability: bool = False
    attempts: tuple[Attempt, ...] = ()
    """Those that are written this time."""
    gpus: Mapping[tuple[str, str], GpuCount] = field(default_factory=dict)
    """By (model, device id), bounded names; empty when there are none or they were not measured."""
    release: str | None = None
    """Release part of the version, a bounded name; None when the version is not known."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A whole round, judged. Points are made of this and of nothing else."""

    time: int
    settings: NetworkSettings
    directory_age_seconds: float
    verdicts: tuple[Verdict, ...]
    events: tuple[Event, ...]
    reason: Reason
    """Why this vantage could not see; `none` if it could."""
    ipv6: bool
    """This vantage has IPv6."""
    models: tuple[str, ...] = ()
    """Every GPU model seen within a week."""
    releases: tuple[str, ...] = ()
    """Every release seen within a week."""

    @property
    def sees(self) -> bool:
        """Whether this vantage could see in this round."""
        return self.reason is Reason.NONE
