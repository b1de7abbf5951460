"""What is remembered of one node between rounds, and over restarts."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Final

from pydantic import TypeAdapter

from collector.model.failure import Failure
from collector.model.observation import Capability


@dataclass(slots=True)
class NodeState:
    """The state of one node. Times are rounds' times, in seconds since 1970."""

    name: str
    """The display name in use as a tag."""
    name_at: int
    """When it was taken up: at most once a day, since every name starts new series."""
    address: str
    first_at: int
    """When the node was first listed."""

    up: bool | None = None
    """After hysteresis; None until something was seen."""
    changed_at: int | None = None
    """First round of the stretch that made it up or down."""
    last_up_at: int | None = None
    """Last round in which it counted as up."""
    evidence: list[tuple[int, bool]] = field(default_factory=list)
    """The last rounds that say something about the node: time, and whether it was reachable."""
    failure: Failure = Failure.NONE
    """As last shown."""
    left_at: int | None = None
    """When it was no longer listed; None while it is."""

    version: str | None = None
    version_at: int | None = None
    """When its point was last written."""
    capability: Capability = field(default_factory=Capability)
    """The last word on each ability."""
    capability_at: int | None = None
    failing: list[str] = field(default_factory=list)
    """Endpoints that failed when last asked."""
    attempts_at: int | None = None
    """When all endpoints were last written."""
    gpus: dict[str, int] | None = None
    """Number by device id; None until measured."""

    ipv6_at: int | None = None
    """When IPv6 was last asked for."""
    ipv6_doubted: bool = False
    """The last answer was no, or none came: asked again in the next round."""
    ipv6_measured_at: int | None = None
    ipv6_ok: bool | None = None

    duplicate_hash: bool = False
    duplicate_address: bool = False

    @property
    def evidence_at(self) -> int | None:
        """Last round that said something about the node."""
        return self.evidence[-1][0] if self.evidence else None

    @property
    def recovering(self) -> bool:
        """Its last evidence is good."""
        return bool(self.evidence) and self.evidence[-1][1]

    def rewind(self, time: int) -> None:
        """The clock was stepped back: nothing was later than now, and the count begins anew."""
        self.evidence.clear()
        for name in _MOMENTS:
            at = getattr(self, name)
            if at is not None and at > time:
                setattr(self, name, time)


_MOMENTS: Final = tuple(f.name for f in fields(NodeState) if f.name.endswith("_at"))

_ADAPTER = TypeAdapter(NodeState)


def pack(memory: NodeState) -> bytes:
    """As it is kept in the store."""
    return _ADAPTER.dump_json(memory, exclude_defaults=True)


def unpack(body: bytes) -> NodeState:
    """From the store. Raises pydantic.ValidationError for what is not a memory."""
    return _ADAPTER.validate_json(body)
