"""What a node reports about itself: configuration, usage, running VMs."""

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import Any

from crn_simulator.script.firmware import Firmware
from crn_simulator.script.machine import GpuModel, Load
from crn_simulator.script.node_spec import NodeSpec

_CHAINS = (
    ("AVAX", 43114, "https://api.avax.network/ext/bc/C/rpc"),
    ("BASE", 8453, "https://base-mainnet.public.blastapi.io"),
)

_SECURITY = {
    "USE_JAILER": True,
    "PRINT_SYSTEM_LOGS": True,
    "WATCH_FOR_UPDATES": True,
    "ALLOW_VM_NETWORKING": True,
    "USE_DEVELOPER_SSH_KEYS": False,
}
_NETWORKING = {
    "IPV6_ALLOCATION_POLICY": "IPv6AllocationPolicy.static",
    "IPV6_SUBNET_PREFIX": 124,
    "IPV6_FORWARDING_ENABLED": True,
    "USE_NDP_PROXY": True,
}
_DEBUG = {"SENTRY_DSN_CONFIGURED": False, "DEBUG_ASYNCIO": False, "EXECUTION_LOG_ENABLED": False}


@dataclass(frozen=True, slots=True)
class NodeSnapshot:
    """A node at the time of a request.

    name: its DNS name. time: seconds since the epoch.
    vm_running: its diagnostic VM answers at once.
    """

    spec: NodeSpec
    name: str
    time: float
    load: Load = field(default_factory=Load)
    vm_running: bool = True


def config_body(snapshot: NodeSnapshot) -> dict[str, Any]:
    """Return the body of `/status/config`, with the blocks that the release has."""
    spec, firmware = snapshot.spec, snapshot.spec.firmware
    machine = spec.machine
    body: dict[str, Any] = {"DOMAIN_NAME": snapshot.name}
    if firmware.since("1.11.0"):
        body["node_hash"] = None
    body["version"] = spec.version
    body["references"] = {
        "API_SERVER": "https://official.aleph.cloud",
        "CHECK_FASTAPI_VM_ID": firmware.diagnostic_vm,
        "CONNECTOR_URL": "http://localhost:4021",
    }
    body["security"] = dict(_SECURITY)
    body["networking"] = {"IPV6_ADDRESS_POOL": machine.ipv6_pool, **_NETWORKING}
    body["debug"] = dict(_DEBUG)
    if firmware.has_payment:
        body["payment"] = _payment(firmware, machine.payment_receiver)
    if firmware.has_computing:
        body["computing"] = {
            "ENABLE_QEMU_SUPPORT": machine.qemu,
            "INSTANCE_DEFAULT_HYPERVISOR": "firecracker",
            "ENABLE_CONFIDENTIAL_COMPUTING": machine.confidential,
        }
        if firmware.since("1.4.0"):
            body["computing"]["ENABLE_GPU_SUPPORT"] = bool(machine.gpus)
    return body


def usage_body(snapshot: NodeSnapshot) -> dict[str, Any]:
    """Return the body of `/about/usage/system`; what the release lacks is absent, never null."""
    firmware, machine, load = snapshot.spec.firmware, snapshot.spec.machine, snapshot.load
    start = dt.datetime.fromtimestamp(snapshot.time // 60 * 60, dt.UTC).isoformat()
    cpu: dict[str, Any] = {"architecture": machine.architecture, "vendor": machine.vendor}
    if firmware.since("1.0.0"):
        cpu["features"] = list(machine.features)
    body: dict[str, Any] = {
        "cpu": {
            "count": machine.cpu_count,
            # An idle node writes 0, not 0.0.
            "load_average": {
                "load1": load.load1 or 0,
                "load5": load.load5 or 0,
                "load15": load.load15 or 0,
            },
            "core_frequencies": {"min": 800, "max": 4280},
        },
        "mem": {"total_kB": machine.mem_total_kb, "available_kB": load.mem_available_kb},
        "disk": {"total_kB": machine.disk_total_kb, "available_kB": load.disk_available_kb},
        "period": {
            "start_timestamp": start.replace("+00:00", "Z") if firmware.since("1.5.0") else start,
            "duration_seconds": 60,
        },
        "properties": {"cpu": cpu},
        "active": True,
    }
    if firmware.has_gpu:
        cards = [_gpu(card, slot, firmware) for slot, card in enumerate(machine.gpus, 1)]
        body["gpu"] = {"devices": cards, "available_devices": cards[load.taken_gpus :]}
    return body


def executions_body(snapshot: NodeSnapshot) -> dict[str, Any]:
    """Return the body of `/about/executions/list`: the running VMs."""
    vms: dict[str, Any] = {}
    for number in range(snapshot.load.vms):
        item_hash = hashlib.sha256(f"{snapshot.name}/{number}".encode()).hexdigest()
        network = {"ipv4": f"172.16.{number % 250 + 3}.0/24", "ipv6": f"2001:db8::{number:x}0/124"}
        vms[item_hash] = {"networking": network}
        if snapshot.spec.firmware.since("1.13.0"):
            vms[item_hash] |= {"vm_type": "instance", "awaiting_confidential_init": False}
    return vms


def _gpu(card: GpuModel, slot: int, firmware: Firmware) -> dict[str, Any]:
    entry: dict[str, Any] = {"vendor": card.vendor}
    if firmware.names_gpu_models and card.model is not None:
        entry["model"] = card.model
    entry |= {
        "device_name": card.device_name,
        "device_class": card.device_class,
        "pci_host": f"{slot:02x}:00.0",
        "device_id": card.device_id,
    }
    if firmware.names_gpu_models:
        entry["compatible"] = card.model is not None
    return entry


def _payment(firmware: Firmware, receiver: str) -> dict[str, Any]:
    block: dict[str, Any] = {"PAYMENT_RECEIVER_ADDRESS": receiver}
    token = "0x00000000000000000000000000000000000000c0"
    if firmware.since("1.1.0"):
        block["AVAILABLE_PAYMENTS"] = {
            f"Chain.{name}": {
                "chain_id": number,
                "rpc": rpc,
                "standard_token": None,
                "super_token": token,
                "testnet": False,
                "active": True,
            }
            for name, number, rpc in _CHAINS
        }
    else:
        block |= {"PAYMENT_SUPER_TOKEN": token, "PAYMENT_CHAIN_ID": 43114}
    if firmware.since("1.0.0"):
        block["PAYMENT_MONITOR_INTERVAL"] = 60
    return block
