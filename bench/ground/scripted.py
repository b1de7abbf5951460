"""Stands for directory, prober and controls, and looks at the script instead of dialling."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bench.ground.storyline import Step, Storyline
from collector.directory.entry import read_entries
from collector.model.failure import Failure
from collector.model.listing import Listing, NetworkSettings
from collector.model.node import Node
from collector.model.observation import Endpoint, Observation, Probe
from collector.model.vantage import BlindReason, ControlResult
from collector.service.scripted_past import scripted_observation
from crn_simulator.script.directory_entry import directory_entry

_PORT = 4020


@dataclass(frozen=True, slots=True)
class Known:
    """A look whose observation is known beforehand."""

    seen: Observation

    async def run(self) -> None:
        """Nothing is dialled."""

    def observation(self, is_unfinished: bool = False) -> Observation:
        """What the story says."""
        return self.seen


@dataclass(slots=True)
class Scripted:
    """The world as the story has it in one round."""

    story: Storyline
    step: Step = field(init=False)
    _indexes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.step = self.story.steps[0]
        count = range(len(self.story.script))
        self._indexes = {self.story.script.profile(n).hash: n for n in count}

    async def listing(self) -> Listing:
        """The list of nodes as it is."""
        script = self.story.script
        listed = (
            directory_entry(script.profile(index), stage, _PORT)
            for index in range(len(script))
            if (stage := script.stage(index, self.step.at)).listed
        )
        return Listing(read_entries(listed).nodes, NetworkSettings(), age_seconds=0.0)

    def refusal(self, node: Node) -> Failure:
        """What the policy says of its address."""
        return Failure(self.story.refused(self._indexes[node.hash], self.step) or "none")

    def visit(self, node: Node, ipv6: bool) -> Known:
        """What a look sees."""
        index = self._indexes[node.hash]
        meeting = self.story.meets(index, self.step)
        if meeting.failure == "none":
            seen = scripted_observation(node, self.story.truth(index, self.step), 0.05, ipv6)
            return Known(replace(seen, ipv6_only=meeting.ipv6_only))
        failure = Failure(meeting.failure)
        attempts = () if meeting.unfinished else (Probe(Endpoint.CONFIG, failure),)
        return Known(Observation(node, failure, attempts, ipv6_only=meeting.ipv6_only))

    def use_ipv6(self, available: bool) -> None:
        """It makes no difference to what the story says."""

    def has_ipv6(self) -> bool:
        """There is a way out over IPv6, or seems to be."""
        return True

    async def ask(self, within_seconds: float | None = None) -> ControlResult:
        """What the controls say."""
        return ControlResult(
            BlindReason(self.story.controls(self.step)), self.story.ipv6(self.step)
        )
