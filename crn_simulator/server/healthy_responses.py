"""Responses of a healthy node on each path, by its firmware."""

import json
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from crn_simulator.script.firmware import DIAGNOSTIC_VMS, Firmware
from crn_simulator.script.node_spec import NodeSpec
from crn_simulator.server.http import TEXT, HttpResponse
from crn_simulator.server.node_reports import NodeSnapshot, config_body, executions_body, usage_body

_QUAD9_ONLY = frozenset(DIAGNOSTIC_VMS[first] for first in ("0.1.7", "0.2.9", "0.4.1"))


def healthy_response(target: str, snapshot: NodeSnapshot) -> HttpResponse:
    """Return the response to a GET of `target`, a path with or without a query."""
    path, _, query = target.partition("?")
    firmware = snapshot.spec.firmware
    if path == "/about/usage/system":
        if snapshot.spec.usage_broken:
            return crash_response(firmware)
        return _json(usage_body(snapshot))
    if path == "/status/config" and firmware.has_config:
        return _json(config_body(snapshot))
    if path == "/status/check/ipv6" and firmware.has_ipv6_check:
        return ipv6_check_response(snapshot)
    if path.startswith("/vm/") and path.endswith("/ip/6"):
        return diagnostic_vm_response(path.split("/")[2], snapshot)
    if path == "/about/login":
        if firmware.since("0.4.0"):
            return replace(_json({"success": False}), status=401)
        return HttpResponse(401, b"401 Invalid token", TEXT)
    if path == "/about/executions/list" and firmware.has_ipv6_check:
        return _json(executions_body(snapshot))
    if path == "/status/check/version":
        return version_check_response(firmware, parse_qs(query).get("reference", [""])[0])
    return error_response(firmware, 404)


def error_response(firmware: Firmware, status: int, message: str = "") -> HttpResponse:
    """Return an HTTP error in the form of this release."""
    phrase = message or HTTPStatus(status).phrase
    if firmware.json_errors:
        return replace(_json({"error": phrase}), status=status)
    return HttpResponse(status, f"{status}: {phrase}".encode(), TEXT)


def crash_response(firmware: Firmware) -> HttpResponse:
    """Return the response of an unhandled exception in the node's software."""
    if firmware.json_errors:
        body = {"error": "unsupported operand", "error_type": "<class 'AttributeError'>"}
        return replace(_json(body), status=500)
    text = b"500 Internal Server Error\n\nServer got itself in trouble"
    return HttpResponse(500, text, TEXT)


def ipv6_check_response(snapshot: NodeSnapshot) -> HttpResponse:
    """Return that of `/status/check/ipv6`: up to 1.8.1 it crashes where IPv6 works."""
    spec = snapshot.spec
    if spec.firmware.fails_where_ipv6_works and spec.host_ipv6:
        return crash_response(spec.firmware)
    vm_works = snapshot.vm_running and spec.vm_ipv6 and not _is_draining(spec)
    shown = vm_works and spec.firmware.diagnostic_vm not in _QUAD9_ONLY
    return _json({"host": spec.host_ipv6, "vm": shown})


def diagnostic_vm_response(item_hash: str, snapshot: NodeSnapshot) -> HttpResponse:
    """Return that of `/vm/<hash>/ip/6`: old diagnostic VMs ask only Quad9, which refuses them."""
    spec = snapshot.spec
    if _is_draining(spec):
        message = "Server is draining, try another node"
        return error_response(spec.firmware, 503, message)
    if item_hash not in DIAGNOSTIC_VMS.values():
        return error_response(spec.firmware, 404, "Hash not found")
    works, url = spec.vm_ipv6, "https://[2620:119:35::35]"
    if item_hash in _QUAD9_ONLY:
        if works:
            return HttpResponse(500, b"Internal Server Error", TEXT)
        return _json({"result": False, "reason": "Timeout"})
    if works:
        return _json({"result": True, "headers": {"Server": "opendns"}, "url": url})
    failures = [{"result": False, "url": url, "reason": "ClientConnectorError"}]
    return replace(_json({"result": False, "failures": failures}), status=503)


def version_check_response(firmware: Firmware, reference: str) -> HttpResponse:
    """Return that of `/status/check/version`: 503 for a version that Python cannot compare."""
    if not reference[:1].isdigit():
        return error_response(firmware, 400, "Query field `reference` must be specified")
    if not firmware.ordered or "-g" in firmware.version:
        return error_response(firmware, 503, "Invalid version")
    if firmware.since(reference):
        text = f"Up-to-date: version {firmware.version} >= {reference}"
        return HttpResponse(200, text.encode(), TEXT)
    return error_response(firmware, 403, f"Outdated: version {firmware.version} < {reference}")


def _is_draining(spec: NodeSpec) -> bool:
    return spec.draining and spec.firmware.since("1.11.0")


def _json(body: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(200, json.dumps(body, separators=(",", ":")).encode())
