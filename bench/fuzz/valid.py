"""Valid answers of every firmware, as the simulator's nodes give them."""

from __future__ import annotations

import dataclasses
import functools
import json
import random
from typing import Final

from crn_simulator.script.endpoint import CONFIG, IPV6, USAGE
from crn_simulator.script.firmware import RELEASES, Firmware
from crn_simulator.script.machine import COMPATIBLE_GPUS, UNLISTED_GPUS, Load, Machine
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.healthy_responses import healthy_response
from crn_simulator.server.http import HttpResponse
from crn_simulator.server.node_reports import NodeSnapshot

TIME: Final = 1_800_000_000
_MACHINES: Final = (
    Machine(),
    Machine(cpu_count=4, vendor="GenuineIntel", payment_receiver="", qemu=False),
    Machine(gpus=COMPATIBLE_GPUS[:1] * 8),
    Machine(gpus=(*COMPATIBLE_GPUS[1:5], *UNLISTED_GPUS), features=("sev", "sev_es")),
    Machine(cpu_count=128, architecture="arm64", vendor="Ampere", gpus=UNLISTED_GPUS[:1]),
)
_LOADS: Final = (Load(), Load(load1=0.0, load5=0.0, load15=0.0, taken_gpus=1))
_WORKING: Final = ((True, True), (True, False), (False, False))
"""Whether IPv6 works on the host and in its VMs."""


@dataclasses.dataclass(frozen=True, slots=True)
class ValidNode:
    """A node that answers as its firmware does."""

    release: int
    machine: int
    load: int
    ipv6: int

    @classmethod
    def drawn(cls, chance: random.Random) -> ValidNode:
        """Return one of them."""
        return cls(
            chance.randrange(len(RELEASES)),
            chance.randrange(len(_MACHINES)),
            chance.randrange(len(_LOADS)),
            chance.randrange(len(_WORKING)),
        )

    @property
    def version(self) -> str:
        """Of its firmware."""
        return RELEASES[self.release]

    @property
    def has_config(self) -> bool:
        """Whether its firmware has `/status/config`."""
        return Firmware(self.version).has_config

    def response(self, path: str) -> HttpResponse:
        """Return its answer on a path."""
        kept = path if path in (CONFIG, USAGE, IPV6) else f"/vm/{path.split('/')[2]}/ip/6"
        return _response(self, kept)


@functools.cache
def figures_of(node: ValidNode) -> tuple[int, float, int | None]:
    """Return its CPUs, its memory in bytes, and its GPUs; None where it does not report GPUs."""
    usage = json.loads(node.response(USAGE).body)
    cards = len(usage["gpu"]["devices"]) if "gpu" in usage else None
    return usage["cpu"]["count"], usage["mem"]["total_kB"] * 1000.0, cards


@functools.lru_cache(maxsize=4096)
def _response(node: ValidNode, path: str) -> HttpResponse:
    host, vm = _WORKING[node.ipv6]
    spec = NodeSpec(node.version, _MACHINES[node.machine], host_ipv6=host, vm_ipv6=vm)
    snapshot = NodeSnapshot(spec, "crn.example.org", TIME, _LOADS[node.load])
    return healthy_response(path, snapshot)
