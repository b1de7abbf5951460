"""blackbox_exporter, asked as Prometheus asks it: a probe per node and endpoint, 10 s each.

What is measured is its process; this one only asks, and runs on the processor of the network. The
exporter would ask the system's resolver, which does not know simulated nodes: it is given addresses
as targets, and the names to verify and to send. So names are not looked up.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import aiohttp

from bench.clients.client import TIMEOUT_SECONDS, Client, NodeResult, node_result, run_spread
from bench.clients.fleet import PATHS, Fleet, Target
from tests.support.server_cache import CACHE, free_port

MISSING: Final = "no blackbox_exporter: `make servers` builds it"
_MODULE: Final = "crn"
_MODULES: Final = {
    _MODULE: {
        "prober": "http",
        "timeout": f"{TIMEOUT_SECONDS:.0f}s",
        "http": {
            "valid_status_codes": [200, 404, 500],
            "preferred_ip_protocol": "ip4",
            "follow_redirects": False,
        },
    }
}
"""A complete answer counts, whatever its status, as for the other clients."""
_SCRAPE: Final = {"X-Prometheus-Scrape-Timeout-Seconds": f"{TIMEOUT_SECONDS:.0f}"}
_START_SECONDS: Final = 10.0


def find_binary() -> Path | None:
    """Return the exporter on the PATH or where `make servers` puts it; None if it is missing."""
    places = os.pathsep.join([os.environ.get("PATH", ""), str(CACHE)])
    found = shutil.which("blackbox_exporter", path=places)
    return Path(found) if found else None


@contextlib.asynccontextmanager
async def open_client(fleet: Fleet) -> AsyncIterator[Client]:
    """Start the exporter on this process's processor, and move this process to its parent's."""
    async with _running(fleet) as (url, pid):
        os.sched_setaffinity(0, os.sched_getaffinity(os.getppid()))
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=2 * TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(
            base_url=url, connector=connector, timeout=timeout
        ) as session:
            await _wait_ready(session)

            async def probe(asked: tuple[str, Target]) -> int:
                return await _is_up(session, *asked)

            async def crawl(targets: Sequence[Target], seconds: float) -> list[NodeResult]:
                found = await run_spread(probe, itertools.product(PATHS, targets), seconds)
                return [
                    node_result(target, sum(found[number :: len(targets)]), len(PATHS))
                    for number, target in enumerate(targets)
                ]

            yield Client(
                warm_up=lambda: crawl(fleet.warm_up_targets(), 1.0),
                crawl=lambda seconds: crawl(fleet.targets, seconds),
                pid=pid,
            )


@contextlib.asynccontextmanager
async def _running(fleet: Fleet) -> AsyncIterator[tuple[str, int]]:
    """Run the exporter, which trusts the nodes' authority only; yield its URL and process id."""
    binary = find_binary()
    if binary is None:
        raise SystemExit(MISSING)
    config = fleet.folder / "blackbox.yml"
    config.write_text(json.dumps({"modules": _MODULES}), encoding="utf-8")
    authorities = {"SSL_CERT_FILE": str(fleet.ca_file), "SSL_CERT_DIR": str(fleet.folder / "none")}
    address = f"127.0.0.1:{free_port()}"
    exporter = await asyncio.create_subprocess_exec(
        *(binary, f"--config.file={config}", f"--web.listen-address={address}"),
        env=os.environ | authorities,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}", exporter.pid
    finally:
        exporter.terminate()
        await exporter.wait()


async def _wait_ready(session: aiohttp.ClientSession) -> None:
    """Wait until the exporter answers; raise TimeoutError if it does not."""
    async with asyncio.timeout(_START_SECONDS):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get("/-/healthy") as response:
                    await response.read()
                return
            await asyncio.sleep(0.05)


async def _is_up(session: aiohttp.ClientSession, path: str, target: Target) -> bool:
    """Return what the exporter says of one endpoint of a node."""
    query = {"module": _MODULE, "target": target.address_url + path, "hostname": target.name}
    try:
        async with session.get("/probe", params=query, headers=_SCRAPE) as response:
            return "\nprobe_success 1\n" in await response.text()
    except (aiohttp.ClientError, TimeoutError):
        return False
