"""The nodes of a fuzzed network over TLS, in a process of their own, and a name server for them."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Final

from bench.fuzz.fuzzed_network import ZONE, FuzzedNetwork, number_of
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.connection import Connection
from crn_simulator.server.dns_server import DnsEntry, DnsServer
from crn_simulator.server.http import parse_request
from crn_simulator.server.listener import BACKLOG, bind

ADDRESS: Final = "127.64.9.9"
_PATIENCE_SECONDS: Final = 0.1
"""After a mutated answer a node hangs up if so long nothing more is asked."""


@dataclass(frozen=True, slots=True)
class Started:
    """Where the nodes are."""

    port: int
    nameserver: str


class _Nodes:
    """Serves every node of the network at one address; the host of a request says which it is."""

    def __init__(self, network: FuzzedNetwork, authority: Authority) -> None:
        self.network = network
        self._context = authority.context((f"*.{ZONE}",))
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, listener: socket.socket) -> None:
        """Serve connections for ever."""
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(listener)
            sock.setblocking(False)
            task = loop.create_task(self._serve(Connection(sock, loop)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: Connection) -> None:
        try:
            await connection.start_tls(self._context)
            async with asyncio.timeout(None) as patience:
                while head := await connection.read_request_head():
                    patience.reschedule(None)
                    request = parse_request(head)
                    number = number_of(request.headers["host"])
                    answer = self.network.answer(number, request.path)
                    await connection.send(answer.content)
                    if answer.closes:
                        return
                    if answer.is_mutated:
                        now = asyncio.get_running_loop().time()
                        patience.reschedule(now + _PATIENCE_SECONDS)
        except (OSError, TimeoutError):
            pass
        finally:
            connection.close()


async def _serve(pipe: Pipe, network: FuzzedNetwork, ca_file: Path) -> None:
    """Serve the network; begin its next round whenever the pipe says so, until it ends."""
    authority = Authority()
    authority.write(ca_file)
    nodes = _Nodes(network, authority)
    async with DnsServer() as names:
        for node in network.nodes:
            names.set_entry(node.host, DnsEntry((ADDRESS,)))
        with bind(ADDRESS, 0) as listener:
            listener.listen(BACKLOG)
            accepting = asyncio.create_task(nodes.accept(listener))
            pipe.send(Started(listener.getsockname()[1], names.address))
            with contextlib.suppress(EOFError):
                while await asyncio.to_thread(pipe.recv):
                    network.next_round()
                    pipe.send(True)
            accepting.cancel()


def _work(pipe: Pipe, seed: str, size: int, ca_file: Path) -> None:
    asyncio.run(_serve(pipe, FuzzedNetwork(seed, size), ca_file))


class FuzzedServer:
    """The other process. Its rounds are begun by `next_round`."""

    def __init__(self, pipe: Pipe, started: Started) -> None:
        self._pipe = pipe
        self.started = started

    async def next_round(self) -> None:
        """Let all nodes answer as in the next round."""
        self._pipe.send(True)
        await asyncio.to_thread(self._pipe.recv)


@contextlib.asynccontextmanager
async def open_server(seed: str, size: int, ca_file: Path) -> AsyncIterator[FuzzedServer]:
    """Start the process; `ca_file` is written with the authority of its certificates."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, seed, size, ca_file), daemon=True)
    process.start()
    theirs.close()
    try:
        yield FuzzedServer(ours, await asyncio.to_thread(ours.recv))
    finally:
        ours.close()
        process.kill()
        await asyncio.to_thread(process.join)
