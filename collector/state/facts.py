"""Slow facts, written on change and once an hour: which of them are due in a round."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeVar

from collector.model.failure import Failure
from collector.model.node import Node
from collector.model.observation import Capability, Observation, Probe
from collector.model.status import DueFacts
from collector.state.ipv6 import IPV6_ENDPOINTS
from collector.times import HOUR, is_due

T = TypeVar("T")
_NOTHING: Final = Capability()
_NOTHING_DUE: Final = DueFacts()


@dataclass(frozen=True, slots=True)
class SlowFacts:
    """The slow facts of a node as last known. Times are rounds' times, in epoch seconds."""

    version: str | None = None
    version_at: int | None = None
    """When its point was last written."""
    capability: Capability = field(default_factory=Capability)
    """Each ability as the node last stated it."""
    capability_at: int | None = None
    """When its point was last written."""
    failing: tuple[str, ...] = ()
    """Endpoints whose last probe failed, sorted."""
    probes_at: int | None = None
    """When the probes of all endpoints were last written."""


def update_facts(
    known: SlowFacts, node: Node, time: int, observation: Observation
) -> tuple[SlowFacts, DueFacts]:
    """Return the facts after a visit, and which of them are written in this round."""
    if not observation.tried:
        return known, _NOTHING_DUE
    fraction = node.fraction()
    stated = observation.version
    version = _latest(stated, known.version)
    version_due = stated is not None and (
        version != known.version or is_due(time, known.version_at, HOUR, fraction)
    )
    capability = known.capability
    if not _is_as_known(capability, observation):
        capability = _merge(capability, observation.capability)
    capability_due = (
        capability is not known.capability or is_due(time, known.capability_at, HOUR, fraction)
    ) and observation.capability != _NOTHING
    hourly = is_due(time, known.probes_at, HOUR, fraction)
    probes = observation.probes if hourly else _notable(known.failing, observation.probes)
    if not (version_due or capability_due or probes):  # most rounds: nothing new to hold
        return known, _NOTHING_DUE
    facts = SlowFacts(
        version=version,
        version_at=time if version_due else known.version_at,
        capability=capability,
        capability_at=time if capability_due else known.capability_at,
        failing=_failing(known.failing, observation.probes),
        probes_at=time if hourly else known.probes_at,
    )
    return facts, DueFacts(version_due, capability_due, probes)


def _is_as_known(known: Capability, observation: Observation) -> bool:
    """Return whether a visit states every ability, each as it is known.

    That is the usual case, so it is found without making a `Capability`.
    """
    config, usage = observation.config, observation.usage
    if config is None or usage is None:
        return False
    return (
        usage.architecture == known.architecture
        and usage.cpu_vendor == known.cpu_vendor
        and config.payment_receiver == known.payment_receiver
        and config.qemu == known.qemu
        and config.confidential == known.confidential
        and config.gpu == known.gpu
        and observation.node.terms == known.terms
    )


def _merge(known: Capability, stated: Capability) -> Capability:
    """Return each ability as stated, or as known before where it was not stated.

    The same object if nothing differs from what was known.
    """
    if stated == known:
        return known
    merged = Capability(
        architecture=_latest(stated.architecture, known.architecture),
        cpu_vendor=_latest(stated.cpu_vendor, known.cpu_vendor),
        payment_receiver=_latest(stated.payment_receiver, known.payment_receiver),
        qemu=_latest(stated.qemu, known.qemu),
        confidential=_latest(stated.confidential, known.confidential),
        gpu=_latest(stated.gpu, known.gpu),
        terms=_latest(stated.terms, known.terms),
    )
    return known if merged == known else merged


def _latest(stated: T | None, known: T | None) -> T | None:
    return known if stated is None else stated


def _notable(failing: tuple[str, ...], probes: tuple[Probe, ...]) -> tuple[Probe, ...]:
    """Return the probes that failed, those that work again, and those of IPv6."""
    notable = [
        probe
        for probe in probes
        if probe.failure is not Failure.NONE
        or probe.endpoint in failing
        or probe.endpoint in IPV6_ENDPOINTS
    ]
    return tuple(notable)


def _failing(before: tuple[str, ...], probes: tuple[Probe, ...]) -> tuple[str, ...]:
    """Return the endpoints whose last probe failed."""
    failing = set(before)
    for probe in probes:
        if probe.failure is Failure.NONE:
            failing.discard(probe.endpoint)
        else:
            failing.add(str(probe.endpoint))
    return before if failing == set(before) else tuple(sorted(failing))
