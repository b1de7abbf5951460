"""A simulated network in a process of its own, so that a benchmark measures its client only.

The script can be asked for the truth in both processes: it is the same in both.
"""

import asyncio
import contextlib
import multiprocessing
import resource
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions, SimulatedNetwork


@dataclass(frozen=True, slots=True)
class TrafficTotals:
    """What a network has counted since it began.

    connections: accepted by nodes. handshakes: completed by nodes. requests: made to nodes.
    cpu_seconds: of its process. max_rss_bytes: the peak of its memory.
    """

    connections: int
    handshakes: int
    requests: int
    cpu_seconds: float
    max_rss_bytes: int


@dataclass(frozen=True, slots=True)
class _Started:
    """What a network that has started tells the other process."""

    config_toml: str = ""
    api_url: str = ""
    nameserver: str = ""
    ca_file: Path = Path()
    urls: tuple[str, ...] = ()


class NetworkWorker:
    """A `SimulatedNetwork` in another process.

    A program that uses it must guard its start with `if __name__ == "__main__"`.
    """

    def __init__(self, script: NetworkScript, options: NetworkOptions | None = None) -> None:
        self.script = script
        self._options = options or NetworkOptions()
        self.time = script.start if self._options.time is None else self._options.time
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._started = _Started()

    async def __aenter__(self) -> Self:
        """Start the process, wait until its network listens, and raise what goes wrong there."""
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (self.script, self._options, theirs)
        self._process = context.Process(target=_work, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._started = await self._receive()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the process, and wait for its end."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            await asyncio.to_thread(self._process.join)
            self._process.close()

    def config_toml(self) -> str:
        """Return the collector's configuration for this network."""
        return self._started.config_toml

    @property
    def api_url(self) -> str:
        """Base URL of the API."""
        return self._started.api_url

    @property
    def nameserver(self) -> str:
        """The DNS server, as `address:port`."""
        return self._started.nameserver

    @property
    def ca_file(self) -> Path:
        """The authority's certificate."""
        return self._started.ca_file

    @property
    def urls(self) -> tuple[str, ...]:
        """Base URLs of the nodes by IPv4 address, at the beginning, in the order of the script."""
        return self._started.urls

    async def set_time(self, time: float) -> None:
        """Bring everything into the state that the script has at this time."""
        await self._call("set_time", time)
        self.time = time

    async def totals(self) -> TrafficTotals:
        """Return what was counted up to now."""
        totals: TrafficTotals = await self._call("totals")
        return totals

    async def _call(self, *command: Any) -> Any:
        if self._connection is None:
            raise RuntimeError("the network has not been entered")
        self._connection.send(command)
        return await self._receive()

    async def _receive(self) -> Any:
        if self._connection is None:
            raise RuntimeError("the network has not been entered")
        result = await asyncio.to_thread(self._connection.recv)
        if isinstance(result, BaseException):
            raise result
        return result


def raise_descriptor_limit() -> int:
    """Raise the soft limit of file descriptors to the hard one; return the limit that is set."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems refuse what they report as the hard limit; then the old one stays.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def event_loop_runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Return what runs a coroutine: uvloop if it is installed, else asyncio."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run


def _work(script: NetworkScript, options: NetworkOptions, connection: Connection) -> None:
    """Run in the other process, which ends when the pipe closes and so ignores an interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise_descriptor_limit()
    event_loop_runner()(_serve(script, options, connection))


async def _serve(script: NetworkScript, options: NetworkOptions, connection: Connection) -> None:
    try:
        async with SimulatedNetwork(script, options) as network:
            connection.send(_started(network))
            with contextlib.suppress(EOFError, OSError):
                while True:
                    name, *values = await asyncio.to_thread(connection.recv)
                    if name == "set_time":
                        await network.set_time(*values)
                        connection.send(None)
                    else:
                        connection.send(_totals(network))
    except (OSError, ValueError) as error:
        connection.send(error)


def _started(network: SimulatedNetwork) -> _Started:
    return _Started(
        network.config_toml(),
        network.api_url,
        network.nameserver,
        network.ca_file,
        tuple(host.address_url for host in network.hosts),
    )


def _totals(network: SimulatedNetwork) -> TrafficTotals:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return TrafficTotals(
        connections=sum(host.traffic.connections for host in network.hosts),
        handshakes=sum(host.traffic.handshakes for host in network.hosts),
        requests=sum(host.traffic.requests_by_path.total() for host in network.hosts),
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        max_rss_bytes=usage.ru_maxrss * 1024,
    )
