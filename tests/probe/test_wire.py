"""Answers of every firmware, recorded ones among them, and the traps of the contract."""

from __future__ import annotations

import asyncio
import codecs
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from collector.model.failure import Failure
from collector.model.observation import Config, Endpoint, Gpu, Usage
from collector.probe.response import Content, Model, Response
from collector.probe.wire import (
    ConfigWire,
    DiagnosticWire,
    Ipv6Wire,
    UsageWire,
    usable_version,
)
from crn_simulator.script.firmware import RELEASES, Firmware
from crn_simulator.script.machine import COMPATIBLE_GPUS, UNLISTED_GPUS, Load, Machine
from crn_simulator.script.node_spec import NodeSpec, ServerHeader
from crn_simulator.server.certificate_authority import Authority
from crn_simulator.server.host import Host
from crn_simulator.server.responder import NodeEnvironment, NodeResponder
from tests.support.probe_bed import CONFIG, USAGE, open_bed
from tests.support.tls_servers import Lines, answer

RECORDED = Path(__file__).parents[3] / "shared" / "data"
GPU_MACHINE = Machine(gpus=(COMPATIBLE_GPUS[0], COMPATIBLE_GPUS[0], UNLISTED_GPUS[0]))
GOOD_USAGE: dict[str, Any] = {
    "cpu": {"count": 8, "load_average": {"load1": 0, "load5": 0.5, "load15": 1}},
    "mem": {"total_kB": 16_000_000, "available_kB": 8_000_000},
    "disk": {"total_kB": 400_000_000, "available_kB": 0},
}
GOOD_CONFIG: dict[str, Any] = {
    "version": "1.9.0",
    "references": {"CHECK_FASTAPI_VM_ID": "d2" * 32},
    "networking": {},
}


def recorded(name: str) -> bytes:
    """A recorded answer; skips where there is none."""
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"no recorded answers: {name} is not in ../shared/data")
    return path.read_bytes()


def content_of(body: object, model: type[Model]) -> Content[Model]:
    """What is read of a body by a contract."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(200, raw, aleph=False, version=None).parse(model)


def usage_of(body: object) -> UsageWire | Failure:
    """The usage, or the failure if nothing is read."""
    content = content_of(body, UsageWire)
    return content.failure if content.value is None else content.value


def config_of(body: object) -> ConfigWire | Failure:
    """The configuration, or the failure if nothing is read."""
    content = content_of(body, ConfigWire)
    return content.failure if content.value is None else content.value


def changed(body: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy with one value replaced, `...` removes it; `path` is dotted."""
    copy = json.loads(json.dumps(body))
    *parents, last = path.split(".")
    place = copy
    for parent in parents:
        place = place.setdefault(parent, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return dict(copy)


async def test_every_firmware(context: ssl.SSLContext, authority: Authority) -> None:
    """Every release is read as what it says; blocks that it does not have yet are None."""
    load = Load(load1=0, taken_gpus=1)
    async with open_bed(context) as bed:

        async def seen(version: str) -> tuple[Config | None, Usage | None, str | None, str | None]:
            spec = NodeSpec(version=version, machine=GPU_MACHINE)
            environment = NodeEnvironment(load=lambda: load)
            responder = NodeResponder(spec, "crn.simulated.test", environment)
            async with Host(spec, authority=authority, responder=responder) as host:
                observation = await bed.look(host.address_url)
            assert observation.reachable
            return (
                observation.config,
                observation.usage,
                observation.version,
                observation.version_source,
            )

        found = await asyncio.gather(*map(seen, RELEASES))
    for version, (config, usage, stated, source) in zip(RELEASES, found, strict=True):
        firmware = Firmware(version)
        assert (stated, source) == (version, "config" if firmware.has_config else "server_header")
        assert config == (
            Config(
                version=version,
                payment_receiver=GPU_MACHINE.payment_receiver if firmware.has_payment else None,
                qemu=True if firmware.has_computing else None,
                confidential=False if firmware.has_computing else None,
                gpu=True if firmware.since("1.4.0") else None,
                diagnostic_vm=firmware.diagnostic_vm,
            )
            if firmware.has_config
            else None
        )
        assert usage == Usage(
            cpu_count=16,
            load1=0.0,
            load5=0.4,
            load15=0.25,
            mem_total_bytes=67_219_543_000.0,
            mem_available_bytes=40_982_622_000.0,
            disk_total_bytes=1_853_812_338_000.0,
            disk_available_bytes=1_450_697_875_000.0,
            architecture="x86_64",
            cpu_vendor="AuthenticAMD",
            gpus=_gpus(firmware) if firmware.has_gpu else None,
        )


def _gpus(firmware: Firmware) -> tuple[Gpu, ...]:
    """The first of three cards is taken; models are named from 1.4.0 on, the unlisted one never."""
    named = firmware.names_gpu_models
    return tuple(
        Gpu(
            device_id=card.device_id,
            model=card.model if named else None,
            device_name=card.device_name,
            compatible=(card.model is not None) if named else None,
            available=place > 0,
        )
        for place, card in enumerate(GPU_MACHINE.gpus)
    )


@pytest.mark.parametrize(
    ("version", "server", "stated", "source"),
    [
        pytest.param("1.3.0-41-g7303587", "aleph", "1.3.0-41-g7303587", "config", id="not-pep440"),
        pytest.param("version-unavailable", "aleph", None, None, id="unavailable"),
        pytest.param("0.3.0", "aleph", "0.3.0", "server_header", id="header-only"),
        pytest.param("0.3.0", "beside_proxy", "0.3.0", "server_header", id="doubled-header"),
        pytest.param("0.3.0", "replaced", None, None, id="replaced-header-without-config"),
        pytest.param("1.9.0", "replaced", "1.9.0", "config", id="replaced-header"),
    ],
)
async def test_version(
    context: ssl.SSLContext,
    authority: Authority,
    version: str,
    server: str,
    stated: str | None,
    source: str | None,
) -> None:
    """The version comes from the configuration, else from any of the Server headers."""
    spec = NodeSpec(version=version, server=ServerHeader(server))
    async with Host(spec, authority=authority) as host, open_bed(context) as bed:
        observation = await bed.look(host.address_url)
    assert observation.reachable
    assert (observation.version, observation.version_source) == (stated, source)


@pytest.mark.parametrize(
    ("header", "status", "failure"),
    [
        pytest.param("aleph-vm/1.9.0", "404 Not Found", Failure.NONE, id="its-own-404"),
        pytest.param("aleph-vm/1.9.0", "401 Unauthorized", Failure.NONE, id="its-own-401"),
        pytest.param("aleph-vm/1.9.0", "302 Found", Failure.NONE, id="its-own-redirect"),
        pytest.param("aleph-vm/1.9.0", "500 Oh", Failure.SERVER_ERROR, id="its-own-500"),
        pytest.param("aleph-vm/1.9.0", "503 Oh", Failure.SERVER_ERROR, id="its-own-503"),
        pytest.param("nginx", "404 Not Found", Failure.NOT_A_CRN, id="google-like-404"),
        pytest.param("nginx", "200 OK", Failure.NOT_A_CRN, id="some-page"),
        pytest.param("not-aleph-vm/1.9.0", "404 Not Found", Failure.NOT_A_CRN, id="similar-header"),
        pytest.param("nginx", "502 Bad Gateway", Failure.SERVER_ERROR, id="gateway"),
        pytest.param("Caddy, aleph-vm/1.9.0", "404 Not Found", Failure.NONE, id="joined"),
        pytest.param("aleph-vm/1.9.0,Caddy", "404 Not Found", Failure.NONE, id="joined-before"),
        pytest.param("nginx", "429 Oh", Failure.SCREENED, id="too-many-requests"),
        pytest.param("aleph-vm/1.9.0", "429 Oh", Failure.NONE, id="its-own-429"),
    ],
)
async def test_what_shows_a_node(
    context: ssl.SSLContext,
    authority: Authority,
    header: str,
    status: str,
    failure: Failure,
) -> None:
    """Any complete answer below 500 with the software's own header does, others do not."""
    said = answer("<html></html>", status, f"Server: {header}")
    responder = Lines({CONFIG: said, USAGE: said})
    async with Host(authority=authority, responder=responder) as host, open_bed(context) as bed:
        observation = await bed.look(host.address_url)
    assert observation.failure is failure


async def test_usage_fails_for_ever(context: ssl.SSLContext, authority: Authority) -> None:
    """A node that answers 500 on usage for ever runs well; only its usage is not known."""
    spec = NodeSpec(usage_broken=True)
    async with Host(spec, authority=authority) as host, open_bed(context) as bed:
        observation = await bed.look(host.address_url)
    assert observation.reachable
    assert observation.usage is None
    assert [(a.endpoint, a.failure, a.status_code) for a in observation.probes] == [
        (Endpoint.CONFIG, Failure.NONE, 200),
        (Endpoint.USAGE, Failure.SERVER_ERROR, 500),
    ]


CARD = {"device_id": "10de:2684", "device_name": "x", "model": "RTX 4090", "compatible": True}


@pytest.mark.parametrize(
    ("path", "value", "unread"),
    [
        pytest.param("properties", {}, "", id="no-cpu-properties"),
        pytest.param("properties", {"cpu": {}}, "", id="no-vendor"),
        pytest.param("properties", {"tee": {"sev_snp": {}}}, "", id="unknown-keys"),
        pytest.param("properties", None, "properties", id="null-properties"),
        pytest.param("properties", {"cpu": None}, "properties.cpu", id="null-cpu-properties"),
        pytest.param(
            "properties", {"cpu": {"vendor": 7}}, "properties.cpu.vendor", id="number-vendor"
        ),
        pytest.param("gpu", {}, "", id="gpu-without-lists"),
        pytest.param("gpu", None, "gpu", id="null-gpu"),
        pytest.param("gpu.devices", None, "gpu", id="null-devices"),
        pytest.param("gpu.available_devices", None, "gpu", id="null-available-devices"),
        pytest.param("gpu.devices", [CARD] * 65, "gpu", id="too-many-gpus"),
        pytest.param("gpu.devices", [CARD, None], "gpu", id="gpu-that-is-null"),
        pytest.param("gpu.devices", [CARD | {"device_id": 7}], "gpu", id="number-device-id"),
        pytest.param("gpu.devices", [CARD | {"pci_host": 7}], "gpu", id="number-slot"),
        pytest.param(
            "gpu.devices",
            [CARD, CARD | {"compatible": "true"}],
            "gpu.devices.compatible",
            id="compatible-as-text",
        ),
        pytest.param(
            "gpu.devices", [CARD | {"model": []}], "gpu.devices.model", id="model-as-list"
        ),
        pytest.param("cpu.count", 8.0, "", id="whole-float"),
        pytest.param("cpu.load_average.load1", 0, "", id="whole-load"),
        pytest.param("mem.available_kB", 99_000_000, "", id="more-free-than-there-is"),
        pytest.param("cpu", ..., "cpu", id="no-cpu"),
        pytest.param("cpu", None, "cpu", id="null-cpu"),
        pytest.param("cpu.count", ..., "cpu.count", id="no-count"),
        pytest.param("cpu.count", 0, "cpu.count", id="no-cores"),
        pytest.param("cpu.count", -1, "cpu.count", id="negative-cores"),
        pytest.param("cpu.count", 10**9, "cpu.count", id="too-many-cores"),
        pytest.param("cpu.count", 8.5, "cpu.count", id="half-a-core"),
        pytest.param("cpu.count", "8", "cpu.count", id="cores-as-text"),
        pytest.param("cpu.count", True, "cpu.count", id="cores-as-flag"),
        pytest.param("cpu.count", 2**70, "cpu.count", id="past-64-bits"),
        pytest.param("cpu.load_average.load1", None, "cpu.load_average", id="null-load"),
        pytest.param("cpu.load_average.load1", True, "cpu.load_average", id="load-as-flag"),
        pytest.param("cpu.load_average.load1", -0.1, "cpu.load_average", id="negative-load"),
        pytest.param("cpu.load_average.load1", 1e300, "cpu.load_average", id="huge-load"),
        pytest.param("cpu.load_average.load1", float("nan"), "cpu.load_average", id="nan"),
        pytest.param("cpu.load_average.load1", float("inf"), "cpu.load_average", id="infinity"),
        pytest.param("mem.total_kB", 0, "mem", id="no-memory"),
        pytest.param("mem.total_kB", 10**16, "mem", id="too-much-memory"),
        pytest.param("mem", ..., "mem", id="no-mem"),
        pytest.param("disk.total_kB", 0, "disk", id="no-disk"),
        pytest.param("disk.total_kB", float("inf"), "disk", id="infinite-disk"),
        pytest.param("disk.available_kB", -5, "disk", id="negative-disk"),
    ],
)
def test_usage_block_by_block(path: str, value: object, unread: str) -> None:
    """What is outside the contract is left out and named; the rest of the answer is read."""
    content = content_of(changed(GOOD_USAGE | {"properties": {}}, path, value), UsageWire)
    assert content.value is not None
    assert content.unread == ((unread,) if unread else ())
    assert content.failure is (Failure.WRONG_SHAPE if unread else Failure.NONE)
    usage = content.value.usage()
    assert (usage.cpu_count is None) == unread.startswith("cpu") or unread == "cpu.load_average"
    assert (usage.load15 is None) == (unread in ("cpu", "cpu.load_average"))
    assert (usage.mem_total_bytes is None) == (unread == "mem")
    assert (usage.disk_available_bytes is None) == (unread == "disk")
    if unread == "gpu":
        assert usage.gpus is None
    if usage.mem_available_bytes is not None:
        assert usage.mem_available_bytes <= 16_000_000_000.0


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"mem": GOOD_USAGE["mem"]}, id="only-memory"),
        pytest.param({"mem": GOOD_USAGE["mem"], "disk": {"total_kB": 0}}, id="memory-and-junk"),
        pytest.param({"cpu": GOOD_USAGE["cpu"], "gpu": {"devices": []}}, id="cpu-and-gpu"),
        pytest.param({"cpu": {}, "mem": {}, "disk": {}, "active": True}, id="empty-blocks"),
        pytest.param({"cpu": 12.5, "mem": 40.1, "disk": 80.0}, id="percentages"),
    ],
)
def test_what_shows_no_usage(body: object) -> None:
    """Only two of CPU count, memory and disk together make JSON the usage of a node."""
    assert content_of(body, UsageWire).failure is Failure.WRONG_SHAPE
    assert usage_of(body) is Failure.WRONG_SHAPE


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        pytest.param("payment.PAYMENT_RECEIVER_ADDRESS", "", None, id="empty-receiver"),
        pytest.param("payment.PAYMENT_RECEIVER_ADDRESS", None, None, id="null-receiver"),
        pytest.param("payment.PAYMENT_RECEIVER_ADDRESS", 7, None, id="number-receiver"),
        pytest.param("payment.PAYMENT_RECEIVER_ADDRESS", " 0xab ", "0xab", id="padded-receiver"),
        pytest.param(
            "payment.PAYMENT_RECEIVER_ADDRESS", "0x" + "a" * 90, "0x" + "a" * 62, id="long"
        ),
        pytest.param("payment.PAYMENT_MONITOR_INTERVAL", 60.0, None, id="whole-float-interval"),
        pytest.param("payment.PAYMENT_MONITOR_INTERVAL", 60, None, id="integer-interval"),
        pytest.param("node_hash", None, None, id="null-node-hash"),
    ],
)
def test_payment_contract(path: str, value: object, expected: str | None) -> None:
    """An empty receiver is none; the rest of the block is not looked at."""
    parsed = config_of(changed(GOOD_CONFIG, path, value))
    assert isinstance(parsed, ConfigWire)
    assert parsed.config().payment_receiver == expected


@pytest.mark.parametrize(
    ("path", "value", "unread"),
    [
        pytest.param("payment", None, "payment", id="null-payment"),
        pytest.param("payment", [], "payment", id="payment-as-list"),
        pytest.param("computing", None, "computing", id="null-computing"),
        pytest.param(
            "computing",
            {"ENABLE_GPU_SUPPORT": True, "ENABLE_QEMU_SUPPORT": "yes"},
            "computing.ENABLE_QEMU_SUPPORT",
            id="flag-as-text",
        ),
        pytest.param("references", None, "references", id="null-references"),
        pytest.param("references", ..., "references", id="no-references"),
        pytest.param("networking", None, "networking", id="null-networking"),
        pytest.param("networking", ..., "networking", id="no-networking"),
        pytest.param("references.CHECK_FASTAPI_VM_ID", "", "", id="empty-vm"),
        pytest.param("references.CHECK_FASTAPI_VM_ID", None, "", id="null-vm"),
        pytest.param(
            "references.CHECK_FASTAPI_VM_ID",
            "../etc",
            "references.CHECK_FASTAPI_VM_ID",
            id="vm-hash",
        ),
    ],
)
def test_config_block_by_block(path: str, value: object, unread: str) -> None:
    """A block that is null or no object is left out and named; the version is read."""
    body = GOOD_CONFIG | {"security": {}, "payment": {"PAYMENT_RECEIVER_ADDRESS": "0xab"}}
    content = content_of(changed(body, path, value), ConfigWire)
    assert content.value is not None
    assert content.unread == ((unread,) if unread else ())
    config = content.value.config()
    assert config.version == "1.9.0"
    assert config.payment_receiver == (None if unread == "payment" else "0xab")
    assert config.gpu is (True if unread == "computing.ENABLE_QEMU_SUPPORT" else None)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"references": {}, "networking": {}}, id="no-version"),
        pytest.param(GOOD_CONFIG | {"version": None}, id="null-version"),
        pytest.param(GOOD_CONFIG | {"version": {"number": "8.1"}}, id="version-as-object"),
        pytest.param({"version": "2.4.1"}, id="only-a-version"),
        pytest.param({"version": "2.4.1", "references": {}}, id="one-block"),
        pytest.param({"version": "2.4.1", "security": [], "debug": False}, id="no-objects"),
    ],
)
def test_what_shows_no_configuration(body: object) -> None:
    """Only a version with two blocks of a node makes JSON the configuration of one."""
    assert config_of(body) is Failure.WRONG_SHAPE


@pytest.mark.parametrize(
    ("body", "model"),
    [
        pytest.param({"host": None, "vm": True}, Ipv6Wire, id="null-host"),
        pytest.param({"host": "true", "vm": True}, Ipv6Wire, id="host-as-text"),
        pytest.param({"vm": True}, Ipv6Wire, id="no-host"),
        pytest.param({"result": 1}, DiagnosticWire, id="number-result"),
        pytest.param({}, DiagnosticWire, id="empty"),
    ],
)
def test_ipv6_is_read_whole_or_not(body: object, model: type[BaseModel]) -> None:
    """Half an answer about IPv6 says nothing, so nothing of it is read."""
    content = content_of(body, model)
    assert (content.value, content.failure, content.unread) == (None, Failure.WRONG_SHAPE, ())


def test_a_byte_order_mark_is_skipped() -> None:
    """JSON that begins with one is read; one in the middle is no JSON."""
    body = json.dumps(GOOD_CONFIG).encode()
    assert isinstance(config_of(codecs.BOM_UTF8 + body), ConfigWire)
    assert config_of(codecs.BOM_UTF8 * 2 + body) is Failure.NOT_JSON


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="html"),
        pytest.param(b'{"version": "1.9', id="cut"),
        pytest.param(b"\xff\xfe{}", id="not-utf8"),
        pytest.param(b'{"version": "\\ud800"}', id="lone-surrogate"),
        pytest.param(b"[" * 500_000, id="nested"),
        pytest.param(b'{"version": ' + b"1" * 1_000_000 + b"}", id="endless-number"),
    ],
)
@pytest.mark.timeout(10)
def test_not_json(body: bytes) -> None:
    """What is no JSON is told apart from JSON of the wrong shape, however deep or long it is."""
    assert config_of(body) is Failure.NOT_JSON


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"', b"{}"])
def test_json_of_another_shape(body: bytes) -> None:
    """JSON that is not the object of the contract has the wrong shape."""
    assert config_of(body) is Failure.WRONG_SHAPE
    assert usage_of(body) is Failure.WRONG_SHAPE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1.9.0", "1.9.0", id="release"),
        pytest.param("1.3.0-41-g7303587", "1.3.0-41-g7303587", id="commit"),
        pytest.param(" 1.9.0\n", "1.9.0", id="padded"),
        pytest.param("version-unavailable", None, id="unavailable"),
        pytest.param("", None, id="empty"),
        pytest.param("\x00\x1b", None, id="controls"),
        pytest.param("9" * 500, "9" * 64, id="long"),
    ],
)
def test_usable_version(text: str, expected: str | None) -> None:
    """A version is a short clean line, or none."""
    assert usable_version(text) == expected


def test_gpus_are_matched_by_slot_then_by_kind() -> None:
    """A card is free if its slot is listed as free; twins without slots are counted."""
    card = {"device_id": "10de:2684", "device_name": "x"}
    body = {
        "devices": [card | {"pci_host": "01:00.0"}, card | {"pci_host": "02:00.0"}, card, card],
        "available_devices": [card | {"pci_host": "02:00.0"}, card],
    }
    parsed = usage_of(GOOD_USAGE | {"gpu": body})
    assert isinstance(parsed, UsageWire)
    gpus = parsed.usage().gpus
    assert gpus is not None
    assert [gpu.available for gpu in gpus] == [False, True, True, False]
    assert {(gpu.model, gpu.compatible) for gpu in gpus} == {(None, None)}


def test_recorded_config() -> None:
    """The configuration of a real node between two releases."""
    parsed = config_of(recorded("status_config_1.3.0-41_2025-02.json"))
    assert isinstance(parsed, ConfigWire)
    assert parsed.config() == Config(
        version="1.3.0-41-g7303587",
        payment_receiver="0xA07B1214bAe0D5ccAA25449C3149c0aC83658874",
        qemu=True,
        confidential=False,
        gpu=True,
        diagnostic_vm="63faf8b5db1cf8d965e6a464a0cb8062af8e7df131729e48738342d956f29ace",
    )


def test_recorded_usage() -> None:
    """The usage of the same node: its GPU has no model yet, and is taken."""
    parsed = usage_of(recorded("about_usage_system_gpu_2025-02-10.json"))
    assert isinstance(parsed, UsageWire)
    assert parsed.usage() == Usage(
        cpu_count=20,
        load1=2.283203125,
        load5=2.27490234375,
        load15=2.27001953125,
        mem_total_bytes=67_219_543_000.0,
        mem_available_bytes=40_982_622_000.0,
        disk_total_bytes=1_853_812_338_000.0,
        disk_available_bytes=1_450_697_875_000.0,
        architecture="x86_64",
        cpu_vendor="GenuineIntel",
        gpus=(
            Gpu(
                device_id="10de:27b0",
                model=None,
                device_name="AD104GL [RTX 4000 SFF Ada Generation]",
                compatible=None,
                available=False,
            ),
        ),
    )


def test_recorded_ipv6() -> None:
    """The documented answer of the IPv6 check."""
    body = recorded("status_check_ipv6.json")
    assert content_of(body, Ipv6Wire).value == Ipv6Wire(host=True, vm=True)


def test_recorded_list() -> None:
    """The usage of three nodes as a published list passes it on, loads as whole numbers too."""
    nodes = json.loads(recorded("crns_json_three_nodes_2025-06-18_anonymised.json"))
    read = []
    for node in nodes:
        parsed = usage_of(node["system_usage"])
        assert isinstance(parsed, UsageWire)
        usage = parsed.usage()
        assert usage.gpus is not None
        read.append((usage.cpu_count, usage.load1, usage.disk_available_bytes, len(usage.gpus)))
    assert read == [
        (20, 0.357421875, 1_320_664_518_000.0, 1),
        (224, 3.8466796875, 152_975_388_000.0, 0),
        (32, 0.0, 919_488_466_000.0, 0),
    ]
