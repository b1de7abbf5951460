"""A network plays its script over names, TLS and HTTP, asked by a real resolver and client."""

import asyncio
import json
import ssl
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.resolver import AsyncResolver

from crn_simulator.command import SimulationOptions, seconds_until_change, simulate
from crn_simulator.script.directory_entry import JUNK_ADDRESSES
from crn_simulator.script.fault import Fault, FaultPhase
from crn_simulator.script.fault_effect import FAULT_EFFECTS
from crn_simulator.script.incident import Incident
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.script.trouble import Trouble, TroubleWindow
from crn_simulator.server.api_responder import CORECHANNEL_ADDRESS, SETTINGS_ADDRESSES
from crn_simulator.server.network import NetworkOptions, SimulatedNetwork
from crn_simulator.server.worker import NetworkWorker
from crn_simulator.truth.node_truth import truth_at

pytestmark = pytest.mark.slow

START = 1_750_000_000.0
CONFIG = "/status/config"
USAGE = "/about/usage/system"
CORECHANNEL = f"/api/v0/aggregates/{CORECHANNEL_ADDRESS}.json?keys=corechannel"


@asynccontextmanager
async def client(network: SimulatedNetwork | NetworkWorker) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that resolves by the network's own DNS server and trusts its authority."""
    context = ssl.create_default_context(cafile=network.ca_file)
    resolver = AsyncResolver(nameservers=[network.nameserver], timeout=0.1, tries=1)
    connector = aiohttp.TCPConnector(
        resolver=resolver, ssl=context, force_close=True, use_dns_cache=False
    )
    timeout = aiohttp.ClientTimeout(total=0.8)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            yield session
    finally:
        await resolver.close()


async def get(session: aiohttp.ClientSession, url: str) -> Any:
    """The JSON at a URL, or the name of what went wrong."""
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                return response.status
            return json.loads(await response.read())
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return type(error).__name__


async def listed(session: aiohttp.ClientSession, network: SimulatedNetwork) -> Any:
    """The directory by hash, or what went wrong."""
    found = await get(session, network.api_url + CORECHANNEL)
    if not isinstance(found, dict):
        return found
    return {node["hash"]: node for node in found["data"]["corechannel"]["resource_nodes"]}


async def test_nodes_are_what_the_directory_says() -> None:
    """Every listed node answers at its address, by its name, with what the truth holds."""
    async with (
        SimulatedNetwork(NetworkScript(60, 4, start=START, calm=True)) as network,
        client(network) as session,
    ):
        directory = await listed(session, network)
        assert set(directory) == set(network.nodes)
        for index, node in enumerate(network.nodes):
            truth = truth_at(network.script, index, network.time)
            usage = await get(session, directory[node]["address"].rstrip("/") + USAGE)
            if truth.usage is None:
                assert usage == 500
                continue
            assert usage["cpu"]["count"] == truth.usage.cpu_count
            assert usage["mem"]["available_kB"] * 1000 == truth.usage.mem_available_bytes
            assert usage["cpu"]["load_average"]["load1"] == truth.usage.load1
            cards = truth.usage.gpus
            assert ("gpu" in usage) == (cards is not None)
            if cards is not None:
                free = len(usage["gpu"]["available_devices"])
                assert free == sum(card.total - card.used for card in cards)


async def test_settings() -> None:
    """Both owners hold the settings; unknown ones hold nothing."""
    async with (
        SimulatedNetwork(NetworkScript(1, start=START, calm=True)) as network,
        client(network) as session,
    ):
        for owner in SETTINGS_ADDRESSES:
            url = f"{network.api_url}/api/v0/aggregates/{owner}.json?keys=settings"
            settings = (await get(session, url))["data"]["settings"]
            assert settings["last_crn_version"] == "1.13.0"
            assert {gpu["model"] for gpu in settings["compatible_gpus"]} >= {"H100", "L40S"}
        assert await get(session, f"{network.api_url}/api/v0/aggregates/0x00.json") == 404


def _time_line(faults: list[Fault]) -> dict[int, list[Incident]]:
    return {index: [Incident(fault, START + 60, START + 120)] for index, fault in enumerate(faults)}


async def test_script_changes_nodes_between_rounds() -> None:
    """A node has its fault from one `set_time` to another, and not before or after."""
    faults = [Fault.REFUSED, Fault.DNS_NOT_FOUND, Fault.DNS_SERVFAIL, Fault.HTML, Fault.NONE]
    script = NetworkScript(5, 4, start=START, calm=True, incidents=_time_line(faults))
    async with SimulatedNetwork(script) as network, client(network) as session:
        results = []
        for second in (0, 60, 120):
            await network.set_time(START + second)
            answers = [await get(session, host.url + USAGE) for host in network.hosts]
            results.append(["ok" if isinstance(a, dict) else a for a in answers])
    refused, unnamed = "ClientConnectorError", "ClientConnectorDNSError"
    healthy = ["ok"] * 5
    during = [refused, unnamed, unnamed, "JSONDecodeError", "ok"]
    assert results == [healthy, during, healthy]


async def test_addresses_in_the_directory() -> None:
    """What is wrong with an address is wrong in the directory."""
    faults = [fault for fault, o in FAULT_EFFECTS.items() if o.phase is FaultPhase.ADDRESS]
    script = NetworkScript(
        len(faults), 4, start=START - 60, calm=True, incidents=_time_line(faults)
    )
    async with (
        SimulatedNetwork(script, NetworkOptions(time=START + 60)) as network,
        client(network) as session,
    ):
        directory = await listed(session, network)
        found = {
            fault: directory[node]["address"]
            for fault, node in zip(faults, network.nodes, strict=True)
        }
        plain = await get(session, found[Fault.ADDRESS_HTTP_ONLY].rstrip("/") + USAGE)
    assert found[Fault.ADDRESS_EMPTY] == ""
    assert found[Fault.ADDRESS_JUNK] in JUNK_ADDRESSES
    assert found[Fault.ADDRESS_HTTP_ONLY].startswith("http://")
    assert plain["cpu"]["count"] > 0
    assert not any(".test" in found[f] for f in faults if not FAULT_EFFECTS[f].reachable)


def _windows(*troubles: Trouble) -> tuple[TroubleWindow, ...]:
    return tuple(
        TroubleWindow(trouble, START + 60 * number, START + 60 * (number + 1))
        for number, trouble in enumerate(troubles, 1)
    )


async def test_troubles_of_the_api() -> None:
    """Down, garbage, slow, stale, shrunken, empty: one after another, and normal at the end."""
    troubles = [trouble for trouble in Trouble if trouble.startswith("api")]
    script = NetworkScript(9, 4, start=START, windows=_windows(*troubles))
    results = {}
    async with SimulatedNetwork(script) as network, client(network) as session:
        for number, trouble in enumerate([None, *troubles, None]):
            await network.set_time(START + 60 * number)
            found = await listed(session, network)
            results[trouble] = len(found) if isinstance(found, dict) else found
            assert isinstance(await get(session, network.hosts[5].url + USAGE), dict)
    whole = results[None]
    assert results == {
        None: whole,
        Trouble.API_DOWN: "ClientConnectorError",
        Trouble.API_ERROR: 502,
        Trouble.API_GARBAGE: "JSONDecodeError",
        Trouble.API_SLOW: whole,
        Trouble.API_SILENT: "TimeoutError",
        Trouble.API_STALE: whole,
        Trouble.API_SHRUNKEN: 3,
        Trouble.API_EMPTY: 0,
    }


async def test_mirrors_have_no_troubles() -> None:
    """A further API host lists what is true while the first one is stale, down or lies."""
    troubles = [trouble for trouble in Trouble if trouble.startswith("api")]
    script = NetworkScript(9, 4, start=START, calm=True, windows=_windows(*troubles))
    async with (
        SimulatedNetwork(script, NetworkOptions(mirrors=1)) as network,
        client(network) as session,
    ):
        for number in range(len(troubles) + 2):
            await network.set_time(START + 60 * number)
            found = await get(session, network.mirrors[0].url + CORECHANNEL)
            assert len(found["data"]["corechannel"]["resource_nodes"]) == 9
        hosts = tomllib.loads(network.config_toml())["directory"]["api_hosts"]
    assert hosts == [network.api.url, network.mirrors[0].url]


async def test_some_hashes_are_listed_twice() -> None:
    """A few, and with the same entry, so that nothing else follows from it."""
    script = NetworkScript(600, 4, start=START, calm=True, ipv6=False)
    async with SimulatedNetwork(script) as network, client(network) as session:
        found = await get(session, network.api_url + CORECHANNEL)
    nodes = found["data"]["corechannel"]["resource_nodes"]
    hashes = [node["hash"] for node in nodes]
    assert 0 < len(hashes) - len(set(hashes)) < 10
    assert len({json.dumps(node) for node in nodes}) == 600


async def test_stale_api_lists_what_was() -> None:
    """Nodes that join meanwhile are missing from it."""
    window = TroubleWindow(Trouble.API_STALE, START + 60, START + 86400)
    script = NetworkScript(200, 4, start=START, windows=(window,))
    async with SimulatedNetwork(script) as network, client(network) as session:
        counts = []
        for second in (0, 60, 86000, 86400):
            await network.set_time(START + second)
            counts.append(set(await listed(session, network)))
    assert counts[1] == counts[2]
    assert counts[3] - counts[2]


async def test_troubles_of_the_clients_network() -> None:
    """Names or connections fail for everything, controls and API included, and come back."""
    troubles = [trouble for trouble in Trouble if not trouble.startswith("api")]
    script = NetworkScript(1, 4, start=START, calm=True, windows=_windows(*troubles))
    results = {}
    async with SimulatedNetwork(script) as network, client(network) as session:
        for number, trouble in enumerate([None, *troubles, None]):
            await network.set_time(START + 60 * number)
            urls = (network.controls[0].url, network.hosts[0].url + USAGE)
            answers = [await get(session, url) for url in urls]
            results[trouble] = tuple("ok" if isinstance(a, dict) else a for a in answers)
    names, refused, not_json = "ClientConnectorDNSError", "ClientConnectorError", "JSONDecodeError"
    assert results == {
        None: (not_json, "ok"),
        Trouble.NAMES_SILENT: (names, names),
        Trouble.NAMES_SERVFAIL: (names, names),
        Trouble.CONNECTIONS_REFUSED: (refused, refused),
        Trouble.CONNECTIONS_SILENT: ("TimeoutError",) * 2,
        Trouble.IPV6: (not_json, "ok"),
        Trouble.EVERYTHING: (names, names),
        Trouble.CONTROLS_DOWN: (refused, "ok"),
    }


async def test_moves_and_names() -> None:
    """A node that moves is found under its new name, and no more under its old one."""
    script = NetworkScript(200, 4, start=START)
    end = START + 86400
    moved = next(
        node
        for node in range(200)
        if script.stage(node, START).host != script.stage(node, end).host
    )
    async with SimulatedNetwork(script) as network, client(network) as session:
        old = network.hosts[moved].url
        await network.set_time(end)
        config = await get(session, network.hosts[moved].url + USAGE)
        assert isinstance(config, dict)
        assert await get(session, old + USAGE) == "ClientConnectorDNSError"
        directory = await listed(session, network)
        address = directory[network.nodes[moved]]["address"]
        assert script.stage(moved, end).host in address.lower()


async def test_configuration(tmp_path: Path) -> None:
    """It is TOML, allows the simulator's addresses by CIDR, and leads to what is running."""
    async with SimulatedNetwork(
        NetworkScript(1, calm=True, start=START), NetworkOptions(folder=tmp_path)
    ) as network:
        found = tomllib.loads(network.config_toml())
        assert found == {
            "directory": {"api_hosts": [network.api_url]},
            "probe": {
                "nameservers": [network.nameserver],
                "ca_file": str(tmp_path / "authority.pem"),
                "allowed_networks": ["127.64.0.0/10", "::1/128"],
                "controls": [control.url for control in network.controls],
                "ipv6": "on",
            },
        }
        assert (tmp_path / "authority.pem").read_bytes() == network.authority.pem()


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "127.64.0.0/28"])
def test_addresses_must_be_loopback_and_enough(cidr: str) -> None:
    """A network refuses addresses that are not its own."""
    with pytest.raises(ValueError, match="not loopback, or too small"):
        SimulatedNetwork(NetworkScript(1), NetworkOptions(cidr=cidr))


async def test_cold_diagnostic_vm() -> None:
    """It says false at first, true a minute later, and false again after an hour of sleep."""
    script = NetworkScript(200, 4, start=START, calm=True)
    node = next(
        index
        for index in range(200)
        if script.profile(index).cold
        and (ipv6 := truth_at(script, index, START).ipv6)
        and ipv6.method == "status"
        and ipv6.ok
    )
    async with SimulatedNetwork(script) as network, client(network) as session:
        results = []
        for second in (0, 60, 3000, 7000):
            await network.set_time(START + second)
            answer = await get(session, network.hosts[node].url + "/status/check/ipv6")
            results.append(answer["vm"])
    assert results == [False, True, True, False]


@pytest.fixture
def script() -> NetworkScript:
    return NetworkScript(20, 4, start=START, calm=True)


async def test_process_of_its_own(script: NetworkScript) -> None:
    """A network in another process is the same network, and ends with its context."""
    async with NetworkWorker(script) as network, client(network) as session:
        await network.set_time(START + 60)
        for url in network.urls[:3]:
            assert url.startswith("https://127.64.")
        answer = await get(session, network.api_url + CORECHANNEL)
        node = answer["data"]["corechannel"]["resource_nodes"][0]
        assert isinstance(await get(session, node["address"].rstrip("/") + USAGE), dict | int)
        totals = await network.totals()
    assert (totals.connections, totals.handshakes, totals.requests) == (1, 1, 1)


async def test_process_says_why_it_cannot(script: NetworkScript) -> None:
    """What goes wrong there is raised here."""
    with pytest.raises(ValueError, match="too small"):
        async with NetworkWorker(script, NetworkOptions(cidr="127.64.0.0/28")):
            pass


async def test_command(tmp_path: Path) -> None:
    """It prints its configuration, runs, writes the truth, and ends when cancelled."""
    configs: list[str] = []
    slept: list[float] = []
    enough = asyncio.Event()
    now = START + 10.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds
        if len(slept) == 3:
            enough.set()
            await asyncio.Event().wait()

    truth = tmp_path / "truth.jsonl"
    running = asyncio.create_task(
        simulate(
            SimulationOptions(3, 1, truth=truth, latency=0),
            configs.append,
            clock=lambda: now,
            sleep=sleep,
        )
    )
    await enough.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    lines = [json.loads(line) for line in truth.read_text().splitlines()]
    truths = [line for line in lines if line["kind"] == "truth"]
    assert "[probe]" in configs[0]
    assert slept[1:] == [60.0, 60.0]
    assert lines[0]["kind"] == "header"
    assert {line["node"] for line in truths} == {
        NetworkScript(3, 1).profile(i).hash for i in range(3)
    }
    assert {line["since"] for line in truths} == {START + 10, START + 18, START + 78}


@pytest.mark.parametrize(
    ("now", "expected"), [(0.0, 58.0), (57.0, 1.0), (58.0, 60.0), (59.0, 59.0), (100.0, 18.0)]
)
def test_changes_lie_between_rounds(now: float, expected: float) -> None:
    """Two seconds before each round."""
    assert seconds_until_change(now, 60.0) == expected
