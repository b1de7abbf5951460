"""What is known of one node between rounds, and over restarts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from collector.model.failure import Failure
from collector.model.node import Node
from collector.state.announcements import NO_ANNOUNCEMENTS, Announcements
from collector.state.facts import SlowFacts
from collector.state.hysteresis import Availability
from collector.state.ipv6 import Ipv6State
from collector.state.vocabulary import NO_NAMES, NodeNames
from collector.times import DAY


@dataclass(frozen=True, slots=True)
class NodeState:
    """The state of one node. Times are rounds' times, in epoch seconds."""

    name: str
    """The display name in use as a tag."""
    name_at: int
    """When it was taken up: at most once a day, since every name starts new series."""
    address: str
    first_at: int
    """When the node was first listed."""
    left_at: int | None = None
    """When it was no longer listed; None while it is."""
    failure: Failure = Failure.NONE
    """Of the last observation."""
    not_before: int | None = None
    """Rounds before this one do not visit it, as it asked; None without such a wish."""
    availability: Availability = field(default_factory=Availability)
    facts: SlowFacts = field(default_factory=SlowFacts)
    ipv6: Ipv6State = field(default_factory=Ipv6State)
    gpus: Mapping[str, int] | None = None
    """Cards by device id; None until measured."""
    duplicate_hash: bool = False
    """The hash is listed more than once."""
    duplicate_address: bool = False
    """Other nodes are listed with the same address."""
    announced: Announcements = NO_ANNOUNCEMENTS
    names: NodeNames = NO_NAMES
    """The names that it brings in."""

    @classmethod
    def of(cls, node: Node, time: int) -> NodeState:
        """Return the state of a node that is listed for the first time."""
        return cls(node.display_name, time, node.address, time)

    def listed_as(self, node: Node, time: int) -> NodeState:
        """Return the state in step with the node's entry in the listing.

        A new name is taken up a day after the last one was. What was observed at an old address is
        no evidence about the new one.
        """
        state = self
        if state.left_at is not None:
            state = replace(state, left_at=None)
        if state.name != node.display_name and time - state.name_at >= DAY:
            state = replace(state, name=node.display_name, name_at=time)
        if state.address != node.address:
            state = replace(
                state,
                address=node.address,
                not_before=None,
                availability=state.availability.without_evidence(),
                ipv6=Ipv6State(state.ipv6.asked_at, earlier=state.ipv6.earlier),
            )
        return state

    def observed(
        self,
        failure: Failure,
        availability: Availability,
        facts: SlowFacts,
        ipv6: Ipv6State,
        gpus: Mapping[str, int] | None,
    ) -> NodeState:
        """Return the state after an observation; the same object if no part is another one.

        (Not by `replace`, which is four times slower.)
        """
        if (
            availability is self.availability
            and failure is self.failure
            and facts is self.facts
            and ipv6 is self.ipv6
            and gpus is self.gpus
        ):
            return self
        return NodeState(
            name=self.name,
            name_at=self.name_at,
            address=self.address,
            first_at=self.first_at,
            left_at=self.left_at,
            not_before=self.not_before,
            failure=failure,
            availability=availability,
            facts=facts,
            ipv6=ipv6,
            gpus=gpus,
            duplicate_hash=self.duplicate_hash,
            duplicate_address=self.duplicate_address,
            announced=self.announced,
            names=self.names,
        )

    def waiting(self, time: int, seconds: int | None) -> NodeState:
        """Return the state after a visit at `time` that was asked to wait so long; None is: not."""
        not_before = None if seconds is None else time + seconds
        return self if not_before == self.not_before else replace(self, not_before=not_before)

    def with_availability(self, availability: Availability) -> NodeState:
        """Return the same state with another availability."""
        return self.observed(self.failure, availability, self.facts, self.ipv6, self.gpus)

    def leaving(self, time: int) -> NodeState:
        """Return the state of a node that is no longer listed since `time`."""
        return replace(self, left_at=time)

    @property
    def latest_at(self) -> int:
        """The latest time in it."""
        known, facts, ipv6 = self.availability, self.facts, self.ipv6
        times = (
            *(self.name_at, self.first_at, self.left_at, known.changed_at, known.last_up_at),
            *(facts.version_at, facts.capability_at, facts.probes_at),
            *(ipv6.asked_at, ipv6.measured_at, *(at for at, _ in known.evidence)),
            *(at for _, at in (*self.names.releases, *self.names.gpus)),
            self.announced.latest_at,
        )
        return max(at for at in times if at is not None)

    def rewound(self, time: int) -> NodeState:
        """Return the state after the clock was stepped back to `time`.

        Nothing is later than now, and the count of evidence begins anew.
        """

        def past(at: int | None) -> int | None:
            return None if at is None else min(at, time)

        known, facts = self.availability, self.facts
        return replace(
            self,
            name_at=min(self.name_at, time),
            first_at=min(self.first_at, time),
            left_at=past(self.left_at),
            not_before=None,
            availability=Availability(known.up, past(known.changed_at), past(known.last_up_at)),
            facts=replace(
                facts,
                version_at=past(facts.version_at),
                capability_at=past(facts.capability_at),
                probes_at=past(facts.probes_at),
            ),
            ipv6=self.ipv6.rewound(time),
            announced=self.announced.rewound(time),
            names=self.names.rewound(time),
        )
