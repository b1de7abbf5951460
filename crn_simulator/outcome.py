"""What an observer must conclude of a behaviour: `OUTCOMES` applied to the checks of a round.

A round asks for the configuration, then for the usage. This follows the published rules of the
collector (design, "Reachable" and "Words and failures"), not its code.
"""

from dataclasses import dataclass

from crn_simulator.behaviour import Behaviour, ServerHeader
from crn_simulator.fault import OUTCOMES, Fault, Phase

CONFIG = "/status/config"
USAGE = "/about/usage/system"
IPV6 = "/status/check/ipv6"
CHECKS = (CONFIG, USAGE)
_ANONYMOUS = frozenset({"client_error", "not_json", "wrong_shape"})
"""Failures of a check that say no more than that this is no compute node."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What one round must find.

    config, usage: whether that check gives what it should.
    version: whether something that arrives shows the version.
    given_up: a check ended the round, so that nothing else was asked.
    """

    reachable: bool
    failure: str
    fault: str
    config: bool = False
    usage: bool = False
    version: bool = False
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class _Check:
    """One check: its own failure, whether it shows a compute node, whether it ends the round.

    states: its answer shows no compute node, and still has the header that states the version.
    """

    failure: str
    shows: bool
    final: bool = False
    states: bool = False


def conclude(behaviour: Behaviour) -> Conclusion:
    """The conclusion that a round must come to about a node with this behaviour."""
    outcome = OUTCOMES[behaviour.fault]
    if not outcome.reachable and outcome.phase is not Phase.ANSWER:
        return Conclusion(False, outcome.failure, outcome.fault, given_up=True)
    done: dict[str, _Check] = {}
    for path in CHECKS:
        done[path] = _check(behaviour, path)
        if done[path].final:
            break
    given_up = any(check.final for check in done.values())
    config = CONFIG in done and done[CONFIG].failure == "none"
    usage = USAGE in done and done[USAGE].failure == "none"
    if any(check.shows for check in done.values()):
        named = config or behaviour.server is not ServerHeader.REPLACED
        version = named and behaviour.firmware.ordered
        return Conclusion(True, "none", "none", config, usage, version, given_up)
    failure = next(check.failure for check in done.values() if check.failure != "none")
    failure = "not_a_crn" if failure in _ANONYMOUS else failure
    version = behaviour.firmware.ordered and any(check.states for check in done.values())
    return Conclusion(False, failure, "node", config, usage, version, given_up)


def asks_diagnostic_vm(behaviour: Behaviour) -> bool:
    """IPv6 must be asked of the diagnostic VM: the node's own check is missing or broken.

    Where nothing shows the version, nobody can know that before having asked the node itself, and
    a node without IPv6 then answers well.
    """
    firmware = behaviour.firmware
    if conclude(behaviour).version:
        return firmware.fails_where_ipv6_works
    return firmware.fails_where_ipv6_works and (behaviour.host_ipv6 or not firmware.has_ipv6_check)


def ipv6_answers(behaviour: Behaviour) -> bool:
    """Whether a check of IPv6 is made in a round that has one, and gives what it should."""
    found = conclude(behaviour)
    asked = found.reachable and not found.given_up
    return asked and OUTCOMES[behaviour.fault_on(IPV6)].reachable


def _check(behaviour: Behaviour, path: str) -> _Check:
    fault = behaviour.fault_on(path)
    named = behaviour.server is not ServerHeader.REPLACED
    outcome = OUTCOMES[fault]
    if not outcome.reachable:
        keeps = behaviour.keeps_header and named and fault is not Fault.WEB_SERVER
        states = keeps and outcome.check == "server_error"
        return _Check(outcome.check, keeps and outcome.complete, outcome.final, states)
    if path == USAGE and behaviour.usage_broken:
        return _Check("server_error", shows=False)
    if path == CONFIG and not behaviour.firmware.has_config:
        return _Check("client_error", shows=named)
    return _Check("none", shows=True)
