"""Every failure, provoked by a real server on loopback."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from collector.model.observation import Observation
from collector.probe.visit import VisitLimits
from crn_simulator.authority import Authority
from crn_simulator.behaviour import Behaviour
from crn_simulator.fault import OUTCOMES, Fault, Phase
from crn_simulator.host import Host
from crn_simulator.names import Manner, Name
from crn_simulator.outcome import conclude
from tests.support.probe_bed import Bed, open_bed

_NAMES = {
    Fault.DNS_NOT_FOUND: Name(manner=Manner.NOT_FOUND),
    Fault.DNS_NO_ADDRESS: Name(),
    Fault.DNS_SERVFAIL: Name(manner=Manner.SERVFAIL),
    Fault.DNS_REFUSED: Name(manner=Manner.REFUSED),
    Fault.DNS_SILENT: Name(manner=Manner.SILENT),
    Fault.DNS_PRIVATE_ADDRESS: Name(("10.1.2.3",)),
}
_ENTRIES = {
    Fault.ADDRESS_EMPTY: "",
    Fault.ADDRESS_JUNK: "ssh://me@node",
    Fault.ADDRESS_PRIVATE: "https://192.168.1.7:4020",
    Fault.ADDRESS_FORBIDDEN_HOST: "https://crn.Google.com/",
}
_PARTLY = [fault for fault, outcome in OUTCOMES.items() if outcome.phase is Phase.ANSWER]


@dataclass
class Met:
    """What a look saw of a fault, and what the node saw of the look."""

    observation: Observation
    connections: int
    requests: int


async def meet(bed: Bed, authority: Authority, behaviour: Behaviour, number: int) -> Met:
    """Look at a node that behaves so; by the time it returns the node has seen the end of it."""
    name = f"crn-{number}.simulated.test"
    async with Host(behaviour, authority=authority, name=name, names=("*.simulated.test",)) as host:
        bed.know(host)
        if special := _NAMES.get(behaviour.fault):
            bed.names.know(name, special)
        observation = await bed.look(_ENTRIES.get(behaviour.fault, host))
        async with asyncio.timeout(5):
            await host.quiet()
        return Met(observation, host.seen.connections, host.seen.asked.total())


async def meet_all(
    context: ssl.SSLContext, authority: Authority, behaviours: list[Behaviour]
) -> list[Met]:
    # all at once, floods included, in one process: healthy ones must not be short of time
    limits = VisitLimits(timeout_seconds=5.0)
    async with open_bed(
        context, limits=limits, connect_seconds=4.0, forbidden=("google.com",)
    ) as bed:
        jobs = (meet(bed, authority, b, i) for i, b in enumerate(behaviours))
        return await asyncio.gather(*jobs)


async def test_every_fault_gives_its_failure(context: ssl.SSLContext, authority: Authority) -> None:
    """A node with a fault on every path is judged as the table of outcomes says."""
    met = await meet_all(context, authority, [Behaviour(fault=fault) for fault in Fault])
    seen = dict(zip(Fault, met, strict=True))
    assert {
        fault: (str(m.observation.failure), str(m.observation.failure.fault))
        for fault, m in seen.items()
    } == {fault: (outcome.failure, outcome.fault) for fault, outcome in OUTCOMES.items()}


async def test_every_fault_in_one_check_only(context: ssl.SSLContext, authority: Authority) -> None:
    """The failure of a check is the fault's own, and the node shows itself by the other check."""
    for path in ("/status/config", "/about/usage/system"):
        behaviours = [
            Behaviour(fault=fault, paths=frozenset({path}), keeps_header=keeps)
            for fault in _PARTLY
            for keeps in (False, True)
        ]
        met = await meet_all(context, authority, behaviours)
        place = 0 if path == "/status/config" else 1
        assert [
            (b.fault, b.keeps_header, str(m.observation.failure), m.observation.version is not None)
            for b, m in zip(behaviours, met, strict=True)
        ] == [
            (b.fault, b.keeps_header, conclude(b).failure, conclude(b).version) for b in behaviours
        ]
        assert [
            (b.fault, str(m.observation.attempts[place].failure))
            for b, m in zip(behaviours, met, strict=True)
        ] == [(b.fault, OUTCOMES[b.fault].check) for b in behaviours]
