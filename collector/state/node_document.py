"""The state of a node as JSON, as it is kept in the store. Its keys never change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter

from collector.model.failure import Failure
from collector.model.observation import Capability
from collector.state.announcements import NO_ANNOUNCEMENTS, Announcements
from collector.state.facts import SlowFacts
from collector.state.hysteresis import Availability
from collector.state.ipv6 import Ipv6State
from collector.state.node_state import NodeState
from collector.state.saved_values import Count, SavedName, SavedTime
from collector.state.vocabulary import NodeNames


@dataclass(frozen=True, slots=True)
class NodeDocument:
    """One node: keys with their default are left out, unknown keys are ignored."""

    name: SavedName
    name_at: SavedTime
    address: str
    first_at: SavedTime
    up: bool | None = None
    changed_at: SavedTime | None = None
    last_up_at: SavedTime | None = None
    evidence: tuple[tuple[SavedTime, bool], ...] = ()
    failure: Failure = Failure.NONE
    left_at: SavedTime | None = None
    not_before: SavedTime | None = None
    version: str | None = None
    version_at: SavedTime | None = None
    capability: Capability = field(default_factory=Capability)
    capability_at: SavedTime | None = None
    failing: tuple[str, ...] = ()
    attempts_at: SavedTime | None = None
    gpus: dict[str, Count] | None = None
    ipv6_at: SavedTime | None = None
    ipv6_doubted: bool = False
    ipv6_by_vm: bool = False
    ipv6_earlier: tuple[SavedTime, ...] = ()
    ipv6_measured_at: SavedTime | None = None
    ipv6_ok: bool | None = None
    duplicate_hash: bool = False
    duplicate_address: bool = False
    announced: Announcements = NO_ANNOUNCEMENTS
    releases: tuple[tuple[SavedName, SavedTime], ...] = ()
    gpu_names: tuple[tuple[str, SavedTime], ...] = ()
    written_in: Count | None = None
    """Number of the round that wrote it; None if a version before 1.0 did, which has no numbers."""

    @classmethod
    def of(cls, state: NodeState, written_in: int) -> NodeDocument:
        """Return the document of a state as it is after round number `written_in`."""
        known, facts, ipv6 = state.availability, state.facts, state.ipv6
        return cls(
            name=state.name,
            name_at=state.name_at,
            address=state.address,
            first_at=state.first_at,
            up=known.up,
            changed_at=known.changed_at,
            last_up_at=known.last_up_at,
            evidence=known.evidence,
            failure=state.failure,
            left_at=state.left_at,
            not_before=state.not_before,
            version=facts.version,
            version_at=facts.version_at,
            capability=facts.capability,
            capability_at=facts.capability_at,
            failing=facts.failing,
            attempts_at=facts.probes_at,
            gpus=None if state.gpus is None else dict(state.gpus),
            ipv6_at=ipv6.asked_at,
            ipv6_doubted=ipv6.unconfirmed,
            ipv6_by_vm=ipv6.by_vm,
            ipv6_earlier=ipv6.earlier,
            ipv6_measured_at=ipv6.measured_at,
            ipv6_ok=ipv6.ok,
            duplicate_hash=state.duplicate_hash,
            duplicate_address=state.duplicate_address,
            announced=state.announced,
            releases=state.names.releases,
            gpu_names=state.names.gpus,
            written_in=written_in,
        )

    def state(self) -> NodeState:
        """Return the state that the document was made of."""
        return NodeState(
            name=self.name,
            name_at=self.name_at,
            address=self.address,
            first_at=self.first_at,
            left_at=self.left_at,
            not_before=self.not_before,
            failure=self.failure,
            availability=Availability(self.up, self.changed_at, self.last_up_at, self.evidence),
            facts=SlowFacts(
                version=self.version,
                version_at=self.version_at,
                capability=self.capability,
                capability_at=self.capability_at,
                failing=self.failing,
                probes_at=self.attempts_at,
            ),
            ipv6=Ipv6State(
                asked_at=self.ipv6_at,
                unconfirmed=self.ipv6_doubted,
                by_vm=self.ipv6_by_vm,
                earlier=self.ipv6_earlier[-3:],
                measured_at=self.ipv6_measured_at,
                ok=self.ipv6_ok,
            ),
            gpus=self.gpus,
            duplicate_hash=self.duplicate_hash,
            duplicate_address=self.duplicate_address,
            announced=self.announced,
            names=NodeNames(self.releases, self.gpu_names),
        )

    def to_json(self) -> bytes:
        """Return the document as it is kept in the store."""
        return _ADAPTER.dump_json(self, exclude_defaults=True)

    @classmethod
    def from_json(cls, body: bytes) -> NodeDocument:
        """Return the document read back; raise pydantic.ValidationError if it is none."""
        return _ADAPTER.validate_json(body)


_ADAPTER: Final = TypeAdapter(NodeDocument)
