"""The result that a round must have for a node: `FAULT_EFFECTS` applied to its probes.

A round asks for the configuration, then for the usage. This follows the collector's published
rules (docs/state.md), not its code.
"""

from dataclasses import dataclass

from crn_simulator.script.endpoint import CONFIG, IPV6, USAGE
from crn_simulator.script.fault import Fault, FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.node_spec import NodeSpec, ServerHeader

_PROBED_PATHS = (CONFIG, USAGE)
_UNSPECIFIC = frozenset({"client_error", "not_json", "wrong_shape"})
"""Failures of a probe that only say that this is no compute node."""


@dataclass(frozen=True, slots=True)
class ExpectedResult:
    """What one round must find about a node.

    config, usage: that response is read, at least in part.
    version: a response states the version.
    ended_early: a probe ended the visit, so no further request was made.
    """

    reachable: bool
    failure: str
    fault: str
    config: bool = False
    usage: bool = False
    version: bool = False
    ended_early: bool = False


@dataclass(frozen=True, slots=True)
class _ExpectedProbe:
    """One probe.

    shows_node: its response shows a compute node. ends_visit: no further request is made.
    states_version: its response shows no compute node, and still states the version in a header.
    is_read: its response is read, at least in part.
    """

    failure: str
    shows_node: bool
    ends_visit: bool = False
    states_version: bool = False
    is_read: bool = False


def expected_result(spec: NodeSpec) -> ExpectedResult:
    """Return what a round must find about a node with this specification."""
    effect = FAULT_EFFECTS[spec.fault]
    if not effect.reachable and effect.phase is not FaultPhase.ANSWER:
        return ExpectedResult(False, effect.failure, effect.fault, ended_early=True)
    probes: dict[str, _ExpectedProbe] = {}
    for path in _PROBED_PATHS:
        probes[path] = _expected_probe(spec, path)
        if probes[path].ends_visit:
            break
    ended_early = any(probe.ends_visit for probe in probes.values())
    config = CONFIG in probes and probes[CONFIG].is_read
    usage = USAGE in probes and probes[USAGE].is_read
    if any(probe.shows_node for probe in probes.values()):
        stated = config or spec.server is not ServerHeader.REPLACED
        version = stated and spec.firmware.ordered
        return ExpectedResult(True, "none", "none", config, usage, version, ended_early)
    failures = [probe.failure for probe in probes.values() if probe.failure != "none"]
    failure = failures[0]
    if failure in _UNSPECIFIC:
        failure = "screened" if "screened" in failures else "not_a_crn"
    version = spec.firmware.ordered and any(probe.states_version for probe in probes.values())
    return ExpectedResult(False, failure, "node", config, usage, version, ended_early)


def asks_diagnostic_vm(spec: NodeSpec) -> bool:
    """Return whether IPv6 must be asked of the diagnostic VM.

    That is so where the node's own check is missing or broken. Where no response states the version
    nobody can know that before asking the node itself; a node without IPv6 then answers correctly.
    """
    firmware = spec.firmware
    if expected_result(spec).version:
        return firmware.fails_where_ipv6_works
    return firmware.fails_where_ipv6_works and (spec.host_ipv6 or not firmware.has_ipv6_check)


def ipv6_answers(spec: NodeSpec) -> bool:
    """Return whether the IPv6 check of a round that has one is made and succeeds."""
    expected = expected_result(spec)
    asked = expected.reachable and not expected.ended_early
    return asked and FAULT_EFFECTS[spec.fault_on(IPV6)].reachable


def _expected_probe(spec: NodeSpec, path: str) -> _ExpectedProbe:
    fault = spec.fault_on(path)
    has_own_header = spec.server is not ServerHeader.REPLACED
    effect = FAULT_EFFECTS[fault]
    if not effect.reachable:
        keeps = spec.keeps_header and has_own_header and fault is not Fault.WEB_SERVER
        states_version = keeps and effect.probe_failure == "server_error"
        return _ExpectedProbe(
            effect.probe_failure, keeps and effect.complete, effect.ends_visit, states_version
        )
    if path == USAGE and spec.usage_broken:
        return _ExpectedProbe("server_error", shows_node=False)
    if path == CONFIG and not spec.firmware.has_config:
        return _ExpectedProbe("client_error", shows_node=has_own_header)
    return _ExpectedProbe(effect.probe_failure, shows_node=True, is_read=True)
