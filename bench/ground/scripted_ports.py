"""Node source, prober and controls that answer from a scenario, without a network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bench.ground.scenario import Scenario, Step
from collector.directory.entry import read_entries
from collector.model.failure import Failure
from collector.model.listing import Listing, NetworkSettings
from collector.model.node import Node
from collector.model.observation import Endpoint, Ipv6Method, Observation, Probe
from collector.model.vantage import BlindReason, ControlResult
from collector.service.scripted_past import scripted_observation
from crn_simulator.script.directory_entry import directory_entry

_PORT = 4020


@dataclass(frozen=True, slots=True)
class _ScriptedVisit:
    """A visit whose observation is known beforehand."""

    result: Observation

    async def run(self) -> None:
        """Do nothing."""

    def observation(self, is_unfinished: bool = False) -> Observation:
        """Return the scenario's observation."""
        return self.result


@dataclass(slots=True)
class ScriptedPorts:
    """The ports of a crawl, played by a scenario; `step` is the present round."""

    scenario: Scenario
    step: Step = field(init=False)
    _indexes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.step = self.scenario.steps[0]
        count = range(len(self.scenario.script))
        self._indexes = {self.scenario.script.profile(n).hash: n for n in count}

    async def listing(self) -> Listing:
        """Return the list of nodes of the present round."""
        script = self.scenario.script
        listed = (
            directory_entry(script.profile(index), stage, _PORT)
            for index in range(len(script))
            if (stage := script.stage(index, self.step.at)).listed
        )
        return Listing(read_entries(listed).nodes, NetworkSettings(), age_seconds=0.0)

    def refusal(self, node: Node) -> Failure:
        """Return the failure that the address policy gives a node."""
        return Failure(self.scenario.policy_failure(self._indexes[node.hash], self.step) or "none")

    def visit(self, node: Node, ipv6: Ipv6Method | None) -> _ScriptedVisit:
        """Return a visit with the observation that the scenario defines."""
        index = self._indexes[node.hash]
        outcome = self.scenario.visit_outcome(index, self.step)
        if outcome.failure == "none":
            observation = scripted_observation(
                node, self.scenario.truth(index, self.step), 0.05, ipv6 is not None
            )
            return _ScriptedVisit(replace(observation, ipv6_only=outcome.ipv6_only))
        failure = Failure(outcome.failure)
        probes = () if outcome.is_unfinished else (Probe(Endpoint.CONFIG, failure),)
        return _ScriptedVisit(Observation(node, failure, probes, ipv6_only=outcome.ipv6_only))

    def use_ipv6(self, available: bool) -> None:
        """Do nothing: the scenario does not depend on it."""

    def has_ipv6(self) -> bool:
        """Return true: a route exists, whether or not it works."""
        return True

    async def ask(self) -> ControlResult:
        """Return the result that the controls have in the present round."""
        return ControlResult(
            BlindReason(self.scenario.control_result(self.step)), self.scenario.has_ipv6(self.step)
        )

    async def ask_again(self, within_seconds: float) -> ControlResult:
        """Return the same."""
        return await self.ask()
