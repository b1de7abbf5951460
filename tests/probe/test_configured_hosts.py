"""What the operator configured is dialled wherever it is; what a list names is not."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
import yarl

from collector.model.failure import Failure
from collector.probe.configured_hosts import ConfiguredHosts
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.host import Host
from tests.support.probe_bed import Bed, open_bed


@pytest.fixture
async def bed(context: ssl.SSLContext) -> AsyncIterator[Bed]:
    """A prober without exceptions."""
    async with open_bed(context, allowed=()) as opened:
        yield opened


async def fetch(bed: Bed, url: str) -> int:
    hosts = ConfiguredHosts(bed.prober.session)
    whole = aiohttp.ClientTimeout(total=2.0)
    async with hosts.get(
        yarl.URL(url) / "status/config", allow_redirects=False, timeout=whole
    ) as response:
        await response.read()
        return response.status


@pytest.mark.parametrize("named", [True, False], ids=["name", "address"])
async def test_exempt_by_request(bed: Bed, authority: Authority, named: bool) -> None:
    """A request to a configured host on loopback is sent; a node there is refused.

    So it is before and after, and though the connection of the first is still open.
    """
    async with Host(authority=authority) as host:
        bed.know(host)
        url = host.url if named else host.address_url
        before = (await bed.look(url)).failure
        status = await fetch(bed, url)
        after = (await bed.look(url)).failure
    assert (before, status, after) == (Failure.FORBIDDEN_ADDRESS, 200, Failure.FORBIDDEN_ADDRESS)
    assert host.traffic.requests_by_path.total() == 1
