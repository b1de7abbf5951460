"""Answers that real nodes gave, all the way to points; where the recordings are at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp.web
import pytest

from collector.crawl.crawler import Crawler
from collector.crawl.round import RoundRequest, RoundTiming
from collector.errors import Exit
from collector.schema.line_protocol import line
from collector.service.load_settings import load_settings
from collector.service.wiring import open_parts
from tests.support.command import Command

RECORDED = Path(__file__).parents[2] / "shared" / "data"
ROUND = 1_700_000_040


def recorded(name: str) -> Any:
    """A recorded answer; skips the test where the recordings are not beside the checkout."""
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"no recorded answers beside the checkout ({name})")
    return json.loads(path.read_bytes())


async def test_a_recorded_node_becomes_points(tmp_path: Path) -> None:
    """The one node recorded in full is listed, crawled over HTTP and written as it answered."""
    listed = recorded("corechannel_one_node_2025-02.json")
    settings = recorded("settings_aggregate_0xFba5_2025-08.json")
    answers = {
        "/status/config": recorded("status_config_1.3.0-41_2025-02.json"),
        "/about/usage/system": recorded("about_usage_system_gpu_2025-02-10.json"),
    }

    async def answer(request: aiohttp.web.Request) -> aiohttp.web.Response:
        if request.path.startswith("/api/"):
            wanted = settings if request.query["keys"] == "settings" else listed
            return aiohttp.web.json_response(wanted)
        return aiohttp.web.json_response(answers[request.path])

    server = aiohttp.web.AppRunner(_app(answer))
    await server.setup()
    await aiohttp.web.TCPSite(server, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{server.addresses[0][1]}"
    listed["data"]["corechannel"]["resource_nodes"][0]["address"] = f"{url}/"
    try:
        lines = await _crawl(tmp_path, url)
    finally:
        await server.cleanup()
    tags = (
        "name=Andres\\ test\\ node\\ instance,"
        "node=e9423d9f9fd27cdc9c4c27d5cf3120ef573eece260d44e6df76b3c27569a3154,vantage=default"
    )
    gpu = f"crn_gpu,device_id=10de:27b0,model=RTX\\ 4000\\ ADA,{tags}"
    assert f"{gpu} total=1i,used=1i,available=0i {ROUND}" in lines
    assert (
        f'crn_version,{tags} version="1.3.0-41-g7303587",source="config",outdated=1i {ROUND}'
        in lines
    )
    assert (
        f"crn_usage,{tags} cpu_count=20i,gpu_total=1i,gpu_used=1i,gpu_available=0i,load1=2.2832,"
        "load5=2.2749,load15=2.27,mem_total_bytes=67219543000.0,mem_available_bytes=40982622000.0,"
        f"disk_total_bytes=1853812338000.0,disk_available_bytes=1450697875000.0 {ROUND}"
    ) in lines
    assert (
        f'crn_capability,{tags} architecture="x86_64",cpu_vendor="GenuineIntel",'
        'payment_receiver="0xA07B1214bAe0D5ccAA25449C3149c0aC83658874",qemu=1i,confidential=0i,'
        f"gpu=1i,terms=1i {ROUND}"
    ) in lines
    reached = next(text for text in lines if text.startswith("crn_reachability"))
    is_up = f" reachable=1i,up=1i,since={ROUND}i,lost=0i,probed=1i,status_code=200i"
    assert f"{is_up},linked=0i,inactive=1i" in reached
    assert 'failure="none",fault="none"' in reached


def _app(answer: Any) -> aiohttp.web.Application:
    app = aiohttp.web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


async def _crawl(folder: Path, url: str) -> list[str]:
    """One round, as line protocol."""
    settings = load_settings(
        data_dir=folder / "data",
        directory={"api_hosts": [url]},
        probe={"allowed_networks": ["127.0.0.0/8"], "controls": [url], "ipv6": "off"},
    )
    async with open_parts(settings) as parts:
        done = await Crawler(parts).round(RoundRequest(ROUND, RoundTiming(0, 20)))
    return [line(point) for point in done.points]


def test_real_targets_without_a_network(command: Command, tmp_path: Path) -> None:
    """277 real targets, where no name can be resolved: a point each, and no node is blamed."""
    targets = recorded("crn_targets_2023-11-29.json")
    plain = "".join(f"{target['hash']} {target['url']}\n" for target in targets)
    (tmp_path / "targets.txt").write_text(plain)
    crawled = command(
        "crawl", "--directory", "targets.txt", "--data-dir", "data", "--json",
        CRN_PROBE__NAMESERVERS="127.0.0.1:9", CRN_PROBE__CONTROLS="https://control.example.org",
    )  # fmt: skip
    assert crawled.returncode == Exit.OK
    seen = json.loads(crawled.stdout)
    assert len(seen["nodes"]) == len({n["node"] for n in seen["nodes"]}) == 277
    assert {n["fault"] for n in seen["nodes"]} == {"vantage", "policy"}
    assert {n["failure"] for n in seen["nodes"] if n["fault"] == "vantage"} == {"blind"}
    assert sum(n["fault"] == "policy" for n in seen["nodes"]) == 7
    assert seen["network"]["vantage_reason"] == "dns"
