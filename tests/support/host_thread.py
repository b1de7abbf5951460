"""Simulated nodes that go on answering while the loop of a test stands still."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from crn_simulator.script.fault import Fault
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.host import Host


@contextlib.contextmanager
def host_thread(authority: Authority, fault: Fault = Fault.NONE) -> Iterator[Host]:
    """A node on an event loop of its own, in a thread of its own."""
    host = Host(NodeSpec(fault=fault), authority=authority)
    listening = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with host:
            listening.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        if not listening.wait(10):
            raise RuntimeError("the node does not listen")
        yield host
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
