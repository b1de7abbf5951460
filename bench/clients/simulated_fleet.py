"""The simulated network that clients crawl, in a process of its own."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import yarl

from bench.clients.fleet import CONFIG_FILE, Fleet, Target
from bench.clients.results import Case
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions
from crn_simulator.server.worker import NetworkWorker
from crn_simulator.truth.node_truth import truth_at

START: Final = 1_800_000_000


@contextlib.asynccontextmanager
async def open_fleet(case: Case) -> AsyncIterator[Fleet]:
    """Start the simulated network, and yield what clients must know of it."""
    half = case.hanging_ratio / 2
    shares = {Fault.BLACK_HOLE: half, Fault.HANG_AFTER_HEADERS: half} if half else None
    script = NetworkScript(case.nodes, 1, start=START, calm=True, shares=shares, ipv6=False)
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as name:
        folder = Path(name)
        async with NetworkWorker(script, NetworkOptions(folder=folder)) as network:
            (folder / CONFIG_FILE).write_text(network.config_toml(), encoding="utf-8")
            targets = targets_of(script, network.urls)
            fleet = Fleet(targets, network.nameserver, folder, network.ca_file)
            fleet.write()
            yield fleet


def targets_of(script: NetworkScript, address_urls: Sequence[str]) -> list[Target]:
    """Return the nodes of a script, with what is true of each; `address_urls` in its order."""
    targets = []
    for index, url in enumerate(map(yarl.URL, address_urls)):
        truth = truth_at(script, index, START)
        host, port = url.host or "", url.port or 443
        healthy = truth.cause is Fault.NONE
        targets.append(Target(truth.node, truth.host, host, port, healthy))
    return targets
