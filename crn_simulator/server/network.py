"""A whole simulated network: nodes, DNS, API and controls on loopback, all by one script."""

import asyncio
import functools
import ipaddress
import itertools
import random
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from crn_simulator.script.machine import Load
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.script.node_spec import AaaaRecord, NodeSpec
from crn_simulator.script.timeline import Stage
from crn_simulator.script.trouble import Trouble
from crn_simulator.server.api_responder import ApiResponder, ControlResponder
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.collector_config import CollectorConfig
from crn_simulator.server.connection_faults import FaultDelays
from crn_simulator.server.directory_listing import DirectoryListing
from crn_simulator.server.dns_server import DnsEntry, DnsServer
from crn_simulator.server.host import Host, HostAddress, HostOptions
from crn_simulator.server.impostors import Impostors
from crn_simulator.server.listener import PORTS, has_ipv6
from crn_simulator.server.responder import NodeEnvironment, NodeResponder, Responder
from crn_simulator.server.route import Route
from crn_simulator.server.trouble_effects import (
    api_fault,
    connectivity_under,
    control_fault,
    dns_entry_of,
    listed_part,
)

_API, _CONTROLS, _MIRRORS, _FIRST_NODE = 1, (2, 3), range(4, 16), 16
"""Positions of the API, the controls, the mirrors and the first node among the addresses."""
_NODES_PER_TURN = 256
"""Number of nodes after which `set_time` lets other tasks run."""


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """How a network is run.

    time: where it begins, in seconds since the epoch; the script's start if None.
    folder: where the authority's certificate is written; a temporary one if None.
    cidr: the loopback addresses that nodes have.
    latency: factor on the response times of real nodes; 0 responds at once.
    delays: of the slow faults, for nodes and API alike.
    kept_requests: number of requests that the traffic of each host keeps.
    mirrors: number of further API hosts, at most 12, which have none of the API's troubles.
    impostors: number of further entries in the directory, each about another healthy node.
    route, dns_route: the client's way to every host, and to the DNS server.
    """

    time: float | None = None
    folder: Path | None = None
    cidr: str = "127.64.0.0/10"
    latency: float = 0.0
    delays: FaultDelays = field(default_factory=FaultDelays)
    kept_requests: int = 0
    mirrors: int = 0
    impostors: int = 0
    route: Route = field(default_factory=Route)
    dns_route: Route = field(default_factory=Route)


class SimulatedNetwork:
    """Plays a script while entered. Time stands still between calls of `set_time`.

    `hosts` are the nodes in the order of the script, whether listed or not.

    Raise `ValueError` if the addresses are not loopback or too few.
    """

    def __init__(self, script: NetworkScript, options: NetworkOptions | None = None) -> None:
        options = options or NetworkOptions()
        self.script = script
        self.time = script.start if options.time is None else options.time
        self.authority = Authority()
        self.dns = DnsServer()
        self.dns.route = options.dns_route
        self.ca_file = Path()
        self._options = options
        self._network = _addresses(options.cidr, len(script))
        self._ports = itertools.cycle(_rotated(PORTS))
        self._stack = AsyncExitStack()
        self._stages: list[Stage | None] = [None] * len(script)
        self._impostors = Impostors(script, options.impostors, self._port_of)
        self._directory = DirectoryListing(script, self._port_of, self._impostors)
        self._listed_at = self.time
        self._listed_part = slice(None)
        self._api = ApiResponder(
            lambda: self._directory.entries(self._listed_at, self._listed_part)
        )
        self._mirror_api = ApiResponder(lambda: self._directory.entries(self.time))
        self.api = self._site(_API, "api", self._api)
        self.controls = tuple(
            self._site(position, f"control-{number}", ControlResponder())
            for number, position in enumerate(_CONTROLS, 1)
        )
        self.mirrors = tuple(
            self._site(position, f"api-{number}", self._mirror_api)
            for number, position in enumerate(_MIRRORS[: options.mirrors], 2)
        )
        self.hosts = tuple(self._node(index) for index in range(len(script)))

    async def __aenter__(self) -> Self:
        """Start everything; raise `OSError` if the script has AAAA records and IPv6 is missing."""
        if any(host.spec.aaaa is not AaaaRecord.NONE for host in self.hosts) and not has_ipv6():
            raise OSError("no IPv6 loopback on this machine: make the script with ipv6=False")
        async with AsyncExitStack() as stack:
            folder = self._options.folder or Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="simulate-"))
            )
            self.ca_file = self.authority.write(folder / "authority.pem")
            await stack.enter_async_context(self.dns)
            for host in (*self._sites, *self.hosts):
                await stack.enter_async_context(host)
            for host in self._sites:
                self.dns.set_entry(host.name, DnsEntry((host.address,)))
            for name, index in self._impostors.names.items():
                self.dns.set_entry(name, DnsEntry((self.hosts[index].address,)))
            await self.set_time(self.time)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop everything, and wait until every connection is closed."""
        await self._stack.aclose()

    @property
    def api_url(self) -> str:
        """Base URL of the API."""
        return self.api.url

    @property
    def nameserver(self) -> str:
        """The DNS server, as `address:port`."""
        return self.dns.address

    @property
    def nodes(self) -> tuple[str, ...]:
        """The hashes of all nodes, in the order of the script."""
        return tuple(self.script.profile(index).hash for index in range(len(self.script)))

    def config_toml(self) -> str:
        """Return the collector's configuration for this network."""
        return CollectorConfig(
            api_hosts=(self.api_url, *(mirror.url for mirror in self.mirrors)),
            nameservers=(self.nameserver,),
            ca_file=self.ca_file,
            allowed_networks=(str(self._network), "::1/128"),
            controls=tuple(control.url for control in self.controls),
        ).toml()

    async def set_time(self, time: float) -> None:
        """Bring everything into the state that the script has at this time."""
        self.time = time
        for index, host in enumerate(self.hosts):
            stage = self.script.stage(index, time)
            if stage is not self._stages[index]:
                self._apply_stage(host, stage)
                self._stages[index] = stage
            if index % _NODES_PER_TURN == 0:
                await asyncio.sleep(0)
        self._apply_troubles(self.script.troubles(time))

    @property
    def _sites(self) -> tuple[Host, ...]:
        """Every host that is no node."""
        return (self.api, *self.mirrors, *self.controls)

    def _apply_stage(self, host: Host, stage: Stage) -> None:
        if host.name != stage.host:
            self.dns.remove(host.name)
            host.rename(stage.host)
        host.apply(stage.spec)
        self.dns.set_entry(host.name, dns_entry_of(stage.spec, host.address))

    def _apply_troubles(self, troubles: frozenset[Trouble]) -> None:
        connectivity = connectivity_under(troubles)
        self.dns.override = connectivity.dns
        for host in (*self._sites, *self.hosts):
            host.block(connectivity.ipv4, connectivity.ipv6)
        for control in self.controls:
            control.apply(NodeSpec(fault=control_fault(troubles)))
        self.api.apply(NodeSpec(fault=api_fault(troubles)))
        self._listed_at = self.script.trouble_began(Trouble.API_STALE, self.time)
        self._listed_part = listed_part(troubles)
        self._api.refresh()
        self._mirror_api.refresh()

    def _node(self, index: int) -> Host:
        profile, stage = self.script.profile(index), self.script.stage(index, self.time)
        environment = NodeEnvironment(
            clock=lambda: self.time,
            load=functools.partial(self._load, index),
            latency=self._options.latency,
            latency_rank=profile.latency_rank,
        )
        return Host(
            stage.spec,
            authority=self.authority,
            address=self._address(_FIRST_NODE + index, stage.host),
            responder=NodeResponder(stage.spec, stage.host, environment),
            options=self._host_options,
        )

    def _site(self, position: int, name: str, responder: Responder) -> Host:
        return Host(
            authority=self.authority,
            address=self._address(position, f"{name}.{self.script.zone}"),
            responder=responder,
            options=self._host_options,
        )

    @property
    def _host_options(self) -> HostOptions:
        return HostOptions(self._options.delays, self._options.kept_requests, self._options.route)

    def _port_of(self, index: int) -> int:
        return self.hosts[index].port

    def _load(self, index: int) -> Load:
        return self.script.load(index, self.time)

    def _address(self, position: int, name: str) -> HostAddress:
        return HostAddress(
            name=name,
            ip=str(self._network[position]),
            ports=self._ports,
            certificate_names=(f"*.{self.script.zone}",),
        )


def _addresses(cidr: str, nodes: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    network = ipaddress.ip_network(cidr)
    if not network.is_loopback or network.num_addresses <= nodes + _FIRST_NODE:
        raise ValueError(f"{cidr} is not loopback, or too small for {nodes} nodes")
    return network


def _rotated(ports: Sequence[int]) -> Sequence[int]:
    """Return the ports from a random one on, so that networks side by side rarely collide."""
    start = random.randrange(len(ports))
    return [*ports[start:], *ports[:start]]
