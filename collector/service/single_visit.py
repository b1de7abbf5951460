"""One visit to one address, outside of any round."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from collector.crawl.gate import Gate
from collector.directory import parse_address
from collector.loop_lag import LoopLag
from collector.model.failure import Failure
from collector.model.node import Node
from collector.model.observation import Ipv6Method, Observation
from collector.model.vantage import ControlResult, mark_blind
from collector.service.setting_files import node_tls_context
from collector.service.settings import Settings
from collector.service.wiring import make_controls, open_prober

_NO_HASH = "0" * 64
_REQUESTS: Final = 4
"""At most: no later visit asks the diagnostic VM where the node cannot say."""


@dataclass(frozen=True, slots=True)
class SingleVisit:
    """What a visit found, and whether this vantage could see meanwhile."""

    observation: Observation
    """Masked as in a round: `blind` where the vantage explains the failure."""
    controls: ControlResult


async def visit_address(settings: Settings, registered: str, ipv6: bool) -> SingleVisit:
    """Visit an address as a round would, and ask the controls. Raise ConfigurationError.

    registered: the address as a node registers it.
    ipv6: probe IPv6 too, which starts a VM on the node.
    """
    parsed = parse_address(registered)
    node = Node(_NO_HASH, registered[:64], parsed.text, parsed.host, parsed.refused)
    context = node_tls_context(settings)
    async with open_prober(settings, context, Gate(1), LoopLag()) as prober, prober.lag:
        if (refusal := prober.refusal(node)) is not Failure.NONE:
            return SingleVisit(Observation(node, refusal), ControlResult())
        controls = make_controls(settings, prober, context)
        prober.use_ipv6(controls.has_ipv6())
        prober.limits = replace(prober.limits, requests=_REQUESTS)
        visit = prober.visit(node, Ipv6Method.STATUS if ipv6 else None)
        await visit.run()
        found = await controls.ask()
        reason = found.slow if found.ok else found.reason
        return SingleVisit(mark_blind(visit.observation(), reason, found.ipv6), found)
