"""The whole network: nodes, names, API and controls, all on loopback and all by one script."""

import asyncio
import functools
import ipaddress
import itertools
import random
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from crn_simulator.api import ApiVoice, ControlVoice
from crn_simulator.authority import Authority
from crn_simulator.behaviour import Aaaa, Behaviour
from crn_simulator.configuration import Configuration
from crn_simulator.directory import Directory
from crn_simulator.door import PORTS, has_ipv6
from crn_simulator.host import Host
from crn_simulator.life import Stage
from crn_simulator.machine import Load
from crn_simulator.misbehave import RoundTiming
from crn_simulator.names import Name, NameServer
from crn_simulator.outage import api_fault, control_fault, cut_of, name_of, shown
from crn_simulator.script import Script
from crn_simulator.trouble import Trouble
from crn_simulator.truth import Truth
from crn_simulator.voice import Voice

CIDR = "127.64.0.0/10"
_API, _CONTROLS, _MIRRORS, _FIRST_NODE = 1, (2, 3), range(4, 16), 16
"""Places of the API, the controls, the mirrors and the first node among the addresses."""
_BREATH = 256
"""Nodes after which `set_time` lets others have their turn."""


class Network:
    """Plays a script for as long as it is entered. Time stands still between calls of `set_time`.

    script: who the nodes are and what befalls them.
    time: where it begins, in seconds since the epoch; the script's start if None.
    folder: where the authority's certificate is written; a temporary one if None.
    cidr: the loopback addresses that nodes have.
    latency: what real latencies are multiplied by; 0 answers at once.
    pace: how slow what is slow is, nodes and API alike.
    memory: how many requests each host remembers.
    mirrors: further API hosts, at most 12, which have none of the API's troubles.

    `hosts` are the nodes in the order of the script, whether listed or not.
    """

    def __init__(
        self,
        script: Script,
        *,
        time: float | None = None,
        folder: Path | None = None,
        cidr: str = CIDR,
        latency: float = 0.0,
        pace: RoundTiming | None = None,
        memory: int = 0,
        mirrors: int = 0,
    ) -> None:
        self.script = script
        self.time = script.start if time is None else time
        self.authority = Authority()
        self.names = NameServer()
        self.ca_file = Path()
        self._network = ipaddress.ip_network(cidr)
        if not self._network.is_loopback or self._network.num_addresses <= len(script) + 16:
            raise ValueError(f"{cidr} is not loopback, or too small for {len(script)} nodes")
        self._folder = folder
        self._latency = latency
        self._pace = pace or RoundTiming()
        self._memory = memory
        self._ports = itertools.cycle(_rotated(PORTS))
        self._stack = AsyncExitStack()
        self._stages: list[Stage | None] = [None] * len(script)
        self._directory = Directory(script, lambda index: self.hosts[index].port)
        self._listed_at = self.time
        self._shown = slice(None)
        self._voice = ApiVoice(lambda: self._directory.entries(self._listed_at, self._shown))
        self._mirror_voice = ApiVoice(lambda: self._directory.entries(self.time))
        self.api = self._site(_API, "api", self._voice)
        self.controls = tuple(
            self._site(place, f"control-{number}", ControlVoice())
            for number, place in enumerate(_CONTROLS, 1)
        )
        self.mirrors = tuple(
            self._site(place, f"api-{number}", self._mirror_voice)
            for number, place in enumerate(_MIRRORS[:mirrors], 2)
        )
        self.hosts = tuple(self._node(index) for index in range(len(script)))

    async def __aenter__(self) -> Self:
        """Start everything; `OSError` where there is no IPv6 and the script has some."""
        if any(host.behaviour.aaaa is not Aaaa.NONE for host in self.hosts) and not has_ipv6():
            raise OSError("no IPv6 loopback on this machine: make the script with ipv6=False")
        async with AsyncExitStack() as stack:
            folder = self._folder or Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="simulate-"))
            )
            self.ca_file = self.authority.write(folder / "authority.pem")
            await stack.enter_async_context(self.names)
            for host in (*self._sites, *self.hosts):
                await stack.enter_async_context(host)
            for host in self._sites:
                self.names.know(host.name, Name((host.address,)))
            await self.set_time(self.time)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop everything, and wait until nothing is left."""
        await self._stack.aclose()

    @property
    def api_url(self) -> str:
        """Base URL of the API."""
        return self.api.url

    @property
    def nameserver(self) -> str:
        """The DNS server, as `address:port`."""
        return self.names.address

    @property
    def nodes(self) -> tuple[str, ...]:
        """The hashes of all nodes, in the order of the script."""
        return tuple(self.script.trait(index).hash for index in range(len(self.script)))

    def config_toml(self) -> str:
        """The collector's configuration for this network."""
        return Configuration(
            api_hosts=(self.api_url, *(mirror.url for mirror in self.mirrors)),
            nameservers=(self.nameserver,),
            ca_file=self.ca_file,
            allowed_networks=(str(self._network), "::1/128"),
            controls=tuple(control.url for control in self.controls),
        ).toml()

    def truth(self, node: int) -> Truth:
        """What is really true of a node now."""
        return self.script.truth(node, self.time)

    async def set_time(self, time: float) -> None:
        """Let everything become what the script says of this time."""
        self.time = time
        for index, host in enumerate(self.hosts):
            stage = self.script.stage(index, time)
            if stage is not self._stages[index]:
                self._become(host, stage)
                self._stages[index] = stage
            if index % _BREATH == 0:
                await asyncio.sleep(0)
        self._trouble(self.script.troubles(time))

    @property
    def _sites(self) -> tuple[Host, ...]:
        """Every host that is no node."""
        return (self.api, *self.mirrors, *self.controls)

    def _become(self, host: Host, stage: Stage) -> None:
        if host.name != stage.host:
            self.names.forget(host.name)
            host.rename(stage.host)
        host.become(stage.behaviour)
        self.names.know(host.name, name_of(stage.behaviour, host.address))

    def _trouble(self, troubles: frozenset[Trouble]) -> None:
        """Let the API, the controls and the client's own way out be as troubled as this."""
        cut = cut_of(troubles)
        self.names.cut = cut.names
        for host in (*self._sites, *self.hosts):
            host.cut(cut.ipv4, cut.ipv6)
        for control in self.controls:
            control.become(Behaviour(fault=control_fault(troubles)))
        self.api.become(Behaviour(fault=api_fault(troubles)))
        self._listed_at = self.script.began(Trouble.API_STALE, self.time)
        self._shown = shown(troubles)
        self._voice.refresh()
        self._mirror_voice.refresh()

    def _node(self, index: int) -> Host:
        trait, stage = self.script.trait(index), self.script.stage(index, self.time)
        return Host(
            stage.behaviour,
            authority=self.authority,
            name=stage.host,
            names=(f"*.{self.script.zone}",),
            address=self._address(_FIRST_NODE + index),
            ports=self._ports,
            clock=lambda: self.time,
            load=functools.partial(self._load, index),
            latency=self._latency,
            share=trait.share,
            pace=self._pace,
            memory=self._memory,
        )

    def _site(self, place: int, name: str, voice: Voice) -> Host:
        return Host(
            authority=self.authority,
            name=f"{name}.{self.script.zone}",
            names=(f"*.{self.script.zone}",),
            address=self._address(place),
            ports=self._ports,
            pace=self._pace,
            memory=self._memory,
            voice=voice,
        )

    def _load(self, index: int) -> Load:
        return self.script.load(index, self.time)

    def _address(self, place: int) -> str:
        return str(self._network[place])


def _rotated(ports: Sequence[int]) -> Sequence[int]:
    """The same ports from somewhere in their middle, so that networks side by side rarely meet."""
    start = random.randrange(len(ports))
    return [*ports[start:], *ports[:start]]
