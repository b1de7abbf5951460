"""A healthy node answers what its release answered, traps included."""

import json
from typing import Any

import pytest

from crn_simulator.script.firmware import DIAGNOSTIC_VMS, RELEASES, Firmware
from crn_simulator.script.latency import LIGHT_SECONDS, quantile
from crn_simulator.script.machine import COMPATIBLE_GPUS, UNLISTED_GPUS, Load, Machine
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.healthy_responses import healthy_response
from crn_simulator.server.http import HttpResponse
from crn_simulator.server.node_reports import NodeSnapshot

CONFIG = "/status/config"
USAGE = "/about/usage/system"
IPV6 = "/status/check/ipv6"
NEW_VM = f"/vm/{DIAGNOSTIC_VMS['1.9.0']}/ip/6"
OLD_VM = f"/vm/{DIAGNOSTIC_VMS['0.4.1']}/ip/6"
CARDS = (COMPATIBLE_GPUS[0], COMPATIBLE_GPUS[0], UNLISTED_GPUS[0])


def ask(
    version: str, path: str, *, awake: bool = True, load: Load | None = None, **more: Any
) -> HttpResponse:
    spec = NodeSpec(version=version, **more)
    moment = NodeSnapshot(spec, "crn.simulated.test", 1_750_000_000.0, load or Load(), awake)
    return healthy_response(path, moment)


def body(version: str, path: str, **more: Any) -> Any:
    return json.loads(ask(version, path, **more).body)


def test_releases_are_in_order() -> None:
    """Every release comes after the one before it, odd versions included."""
    orders = [Firmware(version).order for version in RELEASES]
    assert orders == sorted(orders)
    assert Firmware("version-unavailable").since(RELEASES[-1])
    assert not Firmware("version-unavailable").ordered


@pytest.mark.parametrize(
    ("version", "status"),
    [("0.2.8", 404), ("0.3.0", 404), ("0.3.1", 200), ("1.14.0", 200)],
)
def test_config_begins_with_0_3_1(version: str, status: int) -> None:
    """Older nodes have no such route."""
    assert ask(version, CONFIG).status == status


@pytest.mark.parametrize(
    ("version", "missing"),
    [
        pytest.param("0.3.1", {"payment", "computing", "node_hash"}, id="0.3.1"),
        pytest.param("0.4.1", {"computing", "node_hash"}, id="0.4.1"),
        pytest.param("1.0.0", {"node_hash"}, id="1.0.0"),
        pytest.param("1.11.0", set(), id="1.11.0"),
    ],
)
def test_blocks_of_config(version: str, missing: set[str]) -> None:
    """Blocks are missing before the release that brought them."""
    assert {"payment", "computing", "node_hash"} - body(version, CONFIG).keys() == missing


def test_gpu_flag_and_payments() -> None:
    """Keys inside blocks have releases of their own."""
    assert "ENABLE_GPU_SUPPORT" not in body("1.3.0-41-g7303587", CONFIG)["computing"]
    assert body("1.4.0", CONFIG, machine=Machine(gpus=CARDS))["computing"]["ENABLE_GPU_SUPPORT"]
    assert "PAYMENT_CHAIN_ID" in body("1.0.0", CONFIG)["payment"]
    assert "AVAILABLE_PAYMENTS" in body("1.1.0", CONFIG)["payment"]


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        pytest.param("1.3.0-41-g7303587", (None, None), id="before-models"),
        pytest.param("1.4.0", ("L40S", None), id="models"),
    ],
)
def test_gpus(version: str, keys: tuple[str | None, str | None]) -> None:
    """`model` is absent on old nodes, and on cards that are not on the list."""
    gpu = body(version, USAGE, machine=Machine(gpus=CARDS), load=Load(taken_gpus=1))["gpu"]
    assert (gpu["devices"][0].get("model"), gpu["devices"][2].get("model")) == keys
    assert len(gpu["devices"]) == 3
    assert gpu["available_devices"] == gpu["devices"][1:]
    assert ("compatible" in gpu["devices"][0]) == (keys[0] is not None)


def test_usage_of_old_nodes() -> None:
    """No GPUs, no CPU features, and another way to write the time."""
    old, new = body("0.3.0", USAGE, load=Load(load1=0.0)), body("1.5.0", USAGE)
    assert "gpu" not in old
    assert "features" not in old["properties"]["cpu"]
    assert old["period"]["start_timestamp"] == "2025-06-15T15:06:00+00:00"
    assert new["period"]["start_timestamp"] == "2025-06-15T15:06:00Z"
    assert repr(old["cpu"]["load_average"]["load1"]) == "0"


@pytest.mark.parametrize(
    ("version", "kind"), [("1.5.0", "text/plain"), ("1.6.0-rc1", "application/json")]
)
def test_usage_that_is_broken(version: str, kind: str) -> None:
    """It answers 500 in the form of its release."""
    broken = ask(version, USAGE, usage_broken=True)
    assert broken.status == 500
    assert broken.content_type.startswith(kind)


@pytest.mark.parametrize(
    ("version", "host_ipv6", "expected"),
    [
        pytest.param("0.3.0", True, (404, None), id="none-yet"),
        pytest.param("0.4.1", True, (500, None), id="old-works"),
        pytest.param("0.4.1", False, (200, {"host": False, "vm": False}), id="old-without"),
        pytest.param("1.8.1", True, (500, None), id="1.8.1-works"),
        pytest.param("1.9.0", True, (200, {"host": True, "vm": True}), id="1.9.0-works"),
        pytest.param("1.9.0", False, (200, {"host": False, "vm": False}), id="1.9.0-without"),
    ],
)
def test_ipv6_check(
    version: str, host_ipv6: bool, expected: tuple[int, dict[str, bool] | None]
) -> None:
    """Up to 1.8.1 it crashes exactly where IPv6 works."""
    found = ask(version, IPV6, host_ipv6=host_ipv6, vm_ipv6=host_ipv6)
    shown = json.loads(found.body) if found.status == 200 else None
    assert (found.status, shown) == expected


def test_sleeping_diagnostic_vm() -> None:
    """The node's own check does not wait for a VM that boots; asking the VM itself does."""
    assert body("1.9.0", IPV6, awake=False) == {"host": True, "vm": False}
    assert body("1.9.0", NEW_VM, awake=False)["result"] is True


@pytest.mark.parametrize(
    ("path", "vm_ipv6", "status", "result"),
    [
        pytest.param(NEW_VM, True, 200, True, id="new-works"),
        pytest.param(NEW_VM, False, 503, False, id="new-without"),
        pytest.param(OLD_VM, True, 500, None, id="old-works"),
        pytest.param(OLD_VM, False, 200, False, id="old-without"),
        pytest.param("/vm/0000/ip/6", True, 404, None, id="unknown"),
    ],
)
def test_diagnostic_vm(path: str, vm_ipv6: bool, status: int, result: bool | None) -> None:
    """Old diagnostic VMs ask only a resolver that turns them away."""
    found = ask("1.8.1", path, vm_ipv6=vm_ipv6)
    shown = json.loads(found.body).get("result") if found.content_type.startswith("app") else None
    assert (found.status, shown) == (status, result)


def test_other_paths() -> None:
    """Login is 401, draining nodes turn VMs away, the rest is not found."""
    assert (ask("0.3.0", "/about/login").body, ask("1.9.0", "/about/login").status) == (
        b"401 Invalid token",
        401,
    )
    assert ask("1.11.0", NEW_VM, draining=True).status == 503
    assert ask("1.10.0", NEW_VM, draining=True).status == 200
    assert ask("1.9.0", "/").status == 404
    assert len(body("1.13.0", "/about/executions/list", load=Load(vms=3))) == 3
    assert [
        ask(version, f"/status/check/version?reference={reference}").status
        for version, reference in (
            ("1.9.0", "1.8.0"),
            ("1.9.0", "1.10.0"),
            ("1.9.0", ""),
            ("1.3.0-41-g7303587", "1.0.0"),
        )
    ] == [200, 403, 400, 503]


def test_latency_follows_its_quantiles() -> None:
    """The ends and the middle are the measured ones, and it never falls."""
    points = [quantile(step / 100) for step in range(101)]
    assert (points[0], points[50], points[100]) == (
        LIGHT_SECONDS[0],
        LIGHT_SECONDS[7],
        LIGHT_SECONDS[-1],
    )
    assert points == sorted(points)
