"""Responses of a node of which a part is wrong, by fault: the rest is as it should be."""

import codecs
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from crn_simulator.script.endpoint import CONFIG, USAGE
from crn_simulator.script.fault import Fault
from crn_simulator.server.http import HttpResponse

_MOST_GPUS = 64


def altered_response(fault: Fault, path: str, healthy: HttpResponse) -> HttpResponse:
    """Return the response with the wrong part that the fault gives it, if it is of this kind."""
    if fault not in _ALTER_USAGE or healthy.status != 200:
        return healthy
    if fault is Fault.BYTE_ORDER_MARK:
        return replace(healthy, body=codecs.BOM_UTF8 + healthy.body)
    alter = {CONFIG: _ALTER_CONFIG, USAGE: _ALTER_USAGE}.get(path, {}).get(fault)
    if alter is None:
        return healthy
    body = json.loads(healthy.body)
    alter(body)
    return replace(healthy, body=json.dumps(body).encode())


def _null_blocks(body: dict[str, Any]) -> None:
    body["properties"] = None
    body["gpu"] = {"devices": None, "available_devices": []}


def _bad_fields(body: dict[str, Any]) -> None:
    body["disk"]["total_kB"] = 0
    for card in body.get("gpu", {}).get("devices", []):
        card["compatible"] = "true"


def _null_gpu(body: dict[str, Any]) -> None:
    body.setdefault("gpu", {}).setdefault("devices", []).append(None)


def _too_many_gpus(body: dict[str, Any]) -> None:
    card = {"device_id": "10de:27b0", "device_name": "AD104GL", "pci_host": "01:00.0"}
    body["gpu"] = {"devices": [card] * (_MOST_GPUS + 1), "available_devices": []}


def _whole_floats(body: dict[str, Any]) -> None:
    body["cpu"]["count"] = float(body["cpu"]["count"])
    for block in ("mem", "disk"):
        body[block] = {name: float(amount) for name, amount in body[block].items()}


def _null_config_blocks(body: dict[str, Any]) -> None:
    body["references"] = None
    for block in body.keys() & {"payment", "computing"}:
        body[block] = None


def _bad_config_fields(body: dict[str, Any]) -> None:
    body["references"]["CHECK_FASTAPI_VM_ID"] = 7
    if "computing" in body:
        body["computing"]["ENABLE_QEMU_SUPPORT"] = "yes"


def _no_networking(body: dict[str, Any]) -> None:
    body["networking"] = None


def _empty_vm(body: dict[str, Any]) -> None:
    body["references"]["CHECK_FASTAPI_VM_ID"] = ""


_Alter = Callable[[dict[str, Any]], None]
_ALTER_USAGE: Mapping[Fault, _Alter | None] = MappingProxyType(
    {
        Fault.NULL_BLOCKS: _null_blocks,
        Fault.BAD_FIELDS: _bad_fields,
        Fault.NULL_GPU: _null_gpu,
        Fault.TOO_MANY_GPUS: _too_many_gpus,
        Fault.WHOLE_FLOATS: _whole_floats,
        Fault.BYTE_ORDER_MARK: None,
    }
)
_ALTER_CONFIG: Mapping[Fault, _Alter | None] = MappingProxyType(
    {
        Fault.NULL_BLOCKS: _null_config_blocks,
        Fault.BAD_FIELDS: _bad_config_fields,
        Fault.NULL_GPU: _no_networking,
        Fault.TOO_MANY_GPUS: _no_networking,
        Fault.WHOLE_FLOATS: _empty_vm,
    }
)
