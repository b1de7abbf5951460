"""The comparison with other clients: each does what its description says, and is counted right."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bench.clients import aiohttp_alone, blackbox, former_services, httpx_client
from bench.clients.client import NodeResult, OpenClient, Outcome, Who
from bench.clients.figures import Figures, Mistakes, mistakes_of
from bench.clients.fleet import Fleet, Target
from bench.clients.results import Case, Result, ResultsFile
from bench.clients.simulated_fleet import START, targets_of
from bench.clients.tables import BEGIN, END, write_page
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.network import NetworkOptions, SimulatedNetwork

HEALTHY = 4


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[SimulatedNetwork]:
    """A network of four healthy nodes and one that refuses connections."""
    script = NetworkScript(
        *(HEALTHY + 1, 1), start=START, calm=True, shares={Fault.REFUSED: 0.2}, ipv6=False
    )
    async with SimulatedNetwork(script, NetworkOptions(folder=tmp_path)) as network:
        yield network


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> list[aiohttp.ClientSession]:
    """Every session of aiohttp that is opened."""
    opened: list[aiohttp.ClientSession] = []
    original = aiohttp.ClientSession

    def open_session(**options: object) -> aiohttp.ClientSession:
        opened.append(original(**options))  # type: ignore[arg-type]
        return opened[-1]

    monkeypatch.setattr(aiohttp, "ClientSession", open_session)
    return opened


@pytest.mark.parametrize(
    ("opener", "handshakes", "requests", "opened"),
    [
        pytest.param(aiohttp_alone.open_by_name, 1, 2, 1, id="aiohttp"),
        pytest.param(aiohttp_alone.open_by_address, 1, 2, 1, id="aiohttp_addresses"),
        pytest.param(httpx_client.open_client, 1, 2, 0, id="httpx"),
        pytest.param(
            *(blackbox.open_client, 2, 2, 1),
            id="blackbox_exporter",
            marks=[
                pytest.mark.server,
                pytest.mark.skipif(
                    not (blackbox.find_binary() or os.environ.get("CI")), reason=blackbox.MISSING
                ),
            ],
        ),
        pytest.param(former_services.open_shared_session, 3, 3, 1, id="shared_session"),
        pytest.param(
            *(former_services.open_session_per_request, 3, 3, 3 * (HEALTHY + 1)),
            id="session_per_request",
        ),
    ],
)
async def test_a_client_asks_as_described(
    network: SimulatedNetwork,
    sessions: list[aiohttp.ClientSession],
    opener: OpenClient,
    handshakes: int,
    requests: int,
    opened: int,
) -> None:
    """Each node gets the described number of handshakes and requests, by so many sessions."""
    targets = targets_of(network.script, [host.address_url for host in network.hosts])
    fleet = Fleet(targets, network.nameserver, network.ca_file.parent, network.ca_file)
    async with opener(fleet) as client:
        results = await client.crawl(0.1)
    healthy = [
        host.traffic for host, target in zip(network.hosts, targets, strict=True) if target.healthy
    ]
    assert [traffic.handshakes for traffic in healthy] == [handshakes] * HEALTHY
    assert [traffic.requests_by_path.total() for traffic in healthy] == [requests] * HEALTHY
    assert len(sessions) == opened
    assert mistakes_of(targets, results) == Mistakes(0, 0, 0)
    assert sum(result.outcome is Outcome.FAILED for result in results) == 1


def _target(name: str, healthy: bool) -> Target:
    return Target(name, f"{name}.test", "127.64.0.1", 10240, healthy)


@pytest.mark.parametrize(
    ("healthy", "result", "mistakes"),
    [
        pytest.param(True, (Outcome.REACHABLE, 2), Mistakes(0, 0, 0), id="right"),
        pytest.param(True, (Outcome.REACHABLE, 1), Mistakes(0, 0, 1), id="an-answer-lost"),
        pytest.param(True, (Outcome.FAILED, 0), Mistakes(1, 0, 2), id="called-failed"),
        pytest.param(True, (Outcome.UNJUDGED, 0), Mistakes(0, 1, 2), id="not-judged"),
        pytest.param(True, None, Mistakes(0, 1, 0), id="missing"),
        pytest.param(False, (Outcome.FAILED, 0), Mistakes(0, 0, 0), id="failed-indeed"),
    ],
)
def test_only_healthy_nodes_can_be_failed_falsely(
    healthy: bool, result: tuple[Outcome, int] | None, mistakes: Mistakes
) -> None:
    """A false failure is a healthy node that is called failed, and nothing else."""
    found = [NodeResult("a", result[0], result[1], 2)] if result else []
    assert mistakes_of([_target("a", healthy)], found) == mistakes


def _result(who: Who, case: Case, cpu_ms: float, mistakes: Mistakes) -> Result:
    figures = Figures(
        cpu_ms, 60_000_000, 20, began=100.0, ended=130.5, waited_seconds=0, mistakes=mistakes
    )
    return Result.of(who, case, figures, spread_seconds=30, network_ratio=0.5)


def test_the_page_is_written_from_the_kept_results(tmp_path: Path) -> None:
    """A later run has the results of an earlier one; turns are combined, the rest is left alone."""
    healthy, busy = Case(500, 0.0, 0), Case(500, 0.0, 2)
    first = ResultsFile(tmp_path / "results")
    first.add(_result(Who.AIOHTTP, healthy, 1.0, Mistakes(0, 0, 0)))
    first.add(_result(Who.COLLECTOR, busy, 9.0, Mistakes(0, 7, 9)))
    first.add(_result(Who.COLLECTOR, healthy, 1.0, Mistakes(0, 0, 0)))
    first.add(_result(Who.COLLECTOR, healthy, 2.0, Mistakes(3, 0, 4)))
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    kept = ResultsFile(tmp_path / "results")
    write_page(page, kept.combined())
    assert kept.count(Who.COLLECTOR, healthy) == 2
    assert page.read_text() == (
        f"before\n{BEGIN}\n\n"
        "**500 nodes** (healthy / 2 busy loops), spread over 30 s:\n\n"
        "| client | CPU ms per node | times aiohttp | peak MB | round s | false failures "
        "| answers lost |\n"
        "|---|---|---|---|---|---|---|\n"
        "| `collector` | 1.50 / 9.00 | 1.50 / - | 60 / 60 | 30.5 / 30.5 | 3 / 0 (7 unjudged) "
        "| 4 / 9 |\n"
        "| `aiohttp` | 1.00 / - | 1.00 / - | 60 / - | 30.5 / - | 0 / - | 0 / - |\n"
        "\n| goal, in every case | met |\n"
        "|---|---|\n"
        "| processor time at most 1.25 times that of `aiohttp` | **no**, 1.50 to 1.50 times |\n"
        "| processor time at most 0.5 times that of `blackbox_exporter` | - |\n"
        "| not one false failure | **no**, 3 |\n"
        f"\n{END}\nafter\n"
    )


def test_a_page_without_comments_is_left_alone(tmp_path: Path) -> None:
    """Nothing is written into a page that has no place for the tables."""
    page = tmp_path / "page.md"
    page.write_text("by hand")
    with pytest.raises(SystemExit, match="lacks the comments"):
        write_page(page, [])
    assert page.read_text() == "by hand"
