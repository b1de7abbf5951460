"""A network in a process of its own, so that a benchmark measures its client and nothing else.

The script is asked for the truth on either side: it says the same in both.
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

from crn_simulator.network import Network
from crn_simulator.script import Script


@dataclass(frozen=True, slots=True)
class Figures:
    """What a network has counted since it began.

    connections: accepted by nodes. handshakes: completed there. requests: answered there.
    cpu_seconds: of its process. max_rss_bytes: the most memory that it ever had.
    """

    connections: int
    handshakes: int
    requests: int
    cpu_seconds: float
    max_rss_bytes: int


@dataclass(frozen=True, slots=True)
class _Ready:
    config_toml: str
    api_url: str
    nameserver: str
    ca_file: Path
    urls: tuple[str, ...]


class NetworkProcess:
    """The same as a `Network`, by another process. `options` are those of `Network`.

    A program that uses it must guard its start with `if __name__ == "__main__"`.
    """

    def __init__(self, script: Script, **options: Any) -> None:
        self.script = script
        self.time: float = script.start if options.get("time") is None else options["time"]
        self._options = options
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._ready = _Ready("", "", "", Path(), ())

    async def __aenter__(self) -> Self:
        """Start the process, and wait until its network is there."""
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (self.script, self._options, theirs)
        self._process = context.Process(target=_work, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._ready = await self._receive()
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
        """End the process, and wait for it."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            await asyncio.to_thread(self._process.join)
            self._process.close()

    def config_toml(self) -> str:
        """The collector's configuration for this network."""
        return self._ready.config_toml

    @property
    def api_url(self) -> str:
        """Base URL of the API."""
        return self._ready.api_url

    @property
    def nameserver(self) -> str:
        """The DNS server, as `address:port`."""
        return self._ready.nameserver

    @property
    def ca_file(self) -> Path:
        """The authority's certificate."""
        return self._ready.ca_file

    @property
    def urls(self) -> tuple[str, ...]:
        """Base URLs of the nodes by IPv4 address, at the beginning, in the order of the script."""
        return self._ready.urls

    async def set_time(self, time: float) -> None:
        """Let everything become what the script says of this time."""
        await self._ask("set_time", time)
        self.time = time

    async def figures(self) -> Figures:
        """What was counted up to now."""
        figures: Figures = await self._ask("figures")
        return figures

    async def _ask(self, *question: Any) -> Any:
        if self._connection is None:
            raise RuntimeError("the network has not been entered")
        self._connection.send(question)
        return await self._receive()

    async def _receive(self) -> Any:
        if self._connection is None:
            raise RuntimeError("the network has not been entered")
        answer = await asyncio.to_thread(self._connection.recv)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def raise_descriptor_limit() -> int:
    """Let this process have as many descriptors as it may, and say how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems refuse what they call their own limit; then the old one stays.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    """What runs a coroutine: uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run


def _work(script: Script, options: dict[str, Any], connection: Connection) -> None:
    """The other process. It ends when the pipe does, so an interrupt is not its concern."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise_descriptor_limit()
    runner()(_serve(script, options, connection))


async def _serve(script: Script, options: dict[str, Any], connection: Connection) -> None:
    try:
        async with Network(script, **options) as network:
            connection.send(_ready(network))
            with contextlib.suppress(EOFError, OSError):
                while True:
                    name, *values = await asyncio.to_thread(connection.recv)
                    if name == "set_time":
                        await network.set_time(*values)
                        connection.send(None)
                    else:
                        connection.send(_figures(network))
    except (OSError, ValueError) as error:
        connection.send(error)


def _ready(network: Network) -> _Ready:
    return _Ready(
        network.config_toml(),
        network.api_url,
        network.nameserver,
        network.ca_file,
        tuple(host.address_url for host in network.hosts),
    )


def _figures(network: Network) -> Figures:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Figures(
        connections=sum(host.seen.connections for host in network.hosts),
        handshakes=sum(host.seen.handshakes for host in network.hosts),
        requests=sum(host.seen.asked.total() for host in network.hosts),
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        max_rss_bytes=usage.ru_maxrss * 1024,
    )
