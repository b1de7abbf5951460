"""What a healthy node answers on each path, by its firmware."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from crn_simulator.behaviour import Behaviour
from crn_simulator.firmware import DIAGNOSTIC_VMS, Firmware
from crn_simulator.report import Moment, config, executions, usage

JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
_QUAD9_ONLY = frozenset(DIAGNOSTIC_VMS[first] for first in ("0.1.7", "0.2.9", "0.4.1"))


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer; `headers` are those beside type, length and server."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def answer(target: str, moment: Moment) -> Answer:
    """The answer to a GET of `target`, a path with or without a query."""
    path, _, query = target.partition("?")
    firmware = moment.behaviour.firmware
    if path == "/about/usage/system":
        if moment.behaviour.usage_broken:
            return crash(firmware)
        return _json(usage(moment))
    if path == "/status/config" and firmware.has_config:
        return _json(config(moment))
    if path == "/status/check/ipv6" and firmware.has_ipv6_check:
        return ipv6_check(moment)
    if path.startswith("/vm/") and path.endswith("/ip/6"):
        return diagnostic_vm(path.split("/")[2], moment)
    if path == "/about/login":
        if firmware.since("0.4.0"):
            return replace(_json({"success": False}), status=401)
        return Answer(401, b"401 Invalid token", TEXT)
    if path == "/about/executions/list" and firmware.has_ipv6_check:
        return _json(executions(moment))
    if path == "/status/check/version":
        return version_check(firmware, parse_qs(query).get("reference", [""])[0])
    return error(firmware, 404)


def error(firmware: Firmware, status: int, message: str = "") -> Answer:
    """An HTTP error in the words of this release."""
    phrase = message or HTTPStatus(status).phrase
    if firmware.json_errors:
        return replace(_json({"error": phrase}), status=status)
    return Answer(status, f"{status}: {phrase}".encode(), TEXT)


def crash(firmware: Firmware) -> Answer:
    """What an exception that nobody caught looks like from outside."""
    if firmware.json_errors:
        body = {"error": "unsupported operand", "error_type": "<class 'AttributeError'>"}
        return replace(_json(body), status=500)
    text = b"500 Internal Server Error\n\nServer got itself in trouble"
    return Answer(500, text, TEXT)


def ipv6_check(moment: Moment) -> Answer:
    """`/status/check/ipv6`: up to 1.8.1 it crashes on every node whose IPv6 works."""
    behaviour = moment.behaviour
    if behaviour.firmware.fails_where_ipv6_works and behaviour.host_ipv6:
        return crash(behaviour.firmware)
    awake = moment.vm_awake and not _drains(behaviour)
    shown = awake and behaviour.vm_ipv6 and behaviour.firmware.diagnostic_vm not in _QUAD9_ONLY
    return _json({"host": behaviour.host_ipv6, "vm": shown})


def diagnostic_vm(item_hash: str, moment: Moment) -> Answer:
    """`/vm/<hash>/ip/6`: old diagnostic VMs ask nobody but Quad9, which turns them away."""
    behaviour = moment.behaviour
    if _drains(behaviour):
        message = "Server is draining, try another node"
        return error(behaviour.firmware, 503, message)
    if item_hash not in DIAGNOSTIC_VMS.values():
        return error(behaviour.firmware, 404, "Hash not found")
    works, url = behaviour.vm_ipv6, "https://[2620:119:35::35]"
    if item_hash in _QUAD9_ONLY:
        if works:
            return Answer(500, b"Internal Server Error", TEXT)
        return _json({"result": False, "reason": "Timeout"})
    if works:
        return _json({"result": True, "headers": {"Server": "opendns"}, "url": url})
    failures = [{"result": False, "url": url, "reason": "ClientConnectorError"}]
    return replace(_json({"result": False, "failures": failures}), status=503)


def version_check(firmware: Firmware, reference: str) -> Answer:
    """`/status/check/version`: a version that Python cannot order answers 503."""
    if not reference[:1].isdigit():
        return error(firmware, 400, "Query field `reference` must be specified")
    if not firmware.ordered or "-g" in firmware.version:
        return error(firmware, 503, "Invalid version")
    if firmware.since(reference):
        text = f"Up-to-date: version {firmware.version} >= {reference}"
        return Answer(200, text.encode(), TEXT)
    return error(firmware, 403, f"Outdated: version {firmware.version} < {reference}")


def _drains(behaviour: Behaviour) -> bool:
    return behaviour.draining and behaviour.firmware.since("1.11.0")


def _json(body: Mapping[str, Any]) -> Answer:
    return Answer(200, json.dumps(body, separators=(",", ":")).encode())
