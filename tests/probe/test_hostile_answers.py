"""Answers that were changed at random, and answers that take long to read."""

from __future__ import annotations

import gc
import json
import logging
import random
from typing import Any, Final

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from collector.model.failure import Failure
from collector.model.observation import Config, Endpoint, Usage
from collector.probe.response import Content, Response
from collector.probe.slow_answers import SlowAnswers
from collector.probe.wire import ConfigWire, DiagnosticWire, Ipv6Wire, UsageWire
from collector.times import HOUR
from tests.support.rounds import node

CARD: Final = {
    "vendor": "NVIDIA",
    "model": "L40S",
    "device_name": "AD102GL",
    "pci_host": "01:00.0",
    "device_id": "10de:26b9",
    "compatible": True,
}
ANSWERS: Final[dict[type[BaseModel], dict[str, Any]]] = {
    UsageWire: {
        "cpu": {"count": 8, "load_average": {"load1": 0, "load5": 0.5, "load15": 1e1}},
        "mem": {"total_kB": 16_000_000, "available_kB": 8_000_000},
        "disk": {"total_kB": 400_000_000, "available_kB": 0},
        "properties": {"cpu": {"architecture": "x86_64", "vendor": "GenuineIntel"}},
        "gpu": {"devices": [CARD, CARD], "available_devices": [CARD]},
    },
    ConfigWire: {
        "version": "1.9.0",
        "references": {"CHECK_FASTAPI_VM_ID": "d2" * 32},
        "networking": {"IPV6_SUBNET_PREFIX": 124},
        "payment": {"PAYMENT_RECEIVER_ADDRESS": "0xab"},
        "computing": {"ENABLE_QEMU_SUPPORT": True, "ENABLE_GPU_SUPPORT": False},
    },
    Ipv6Wire: {"host": True, "vm": False},
    DiagnosticWire: {"result": True},
}
FRAGMENTS: Final = (
    *("null", "true", "[]", "{}", "[null]", "0", "-0", "8.0", "8.5", "-1", "1e999", "-1e999"),
    *("NaN", "Infinity", "1e300", "9" * 4300, "9" * 4301, "123456789012345678901", '""', '"8"'),
    *(
        '"\\u0000"',
        '"\\ud800"',
        '"\\ud83d\\ude00"',
        '"\x01"',
        '"\u202e"',
        '"' + "e\u0301" * 80 + '"',
    ),
    *("[" * 199 + "]" * 199, "[" * 250, '{"a":1,"a":[2]}', '"count":1', "", ",", "//", "\xff"),
)


def mutated(seed: int, body: str) -> bytes:
    """The body with a few random changes: values replaced, bytes lost, doubled or turned."""
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        start = chance.choice([i for i, ch in enumerate(body) if ch in ':[,{"'] or [0])
        end = min((i for i in range(start + 1, len(body)) if body[i] in ",]}"), default=len(body))
        kind = chance.random()
        if kind < 0.8:
            body = body[: start + 1] + chance.choice(FRAGMENTS) + body[end:]
        elif kind < 0.9:
            body = body[:start] + body[end:]
        else:
            body = body[:end] + body[start:]
    raw = body.encode("latin-1" if chance.random() < 0.1 else "utf-8", errors="replace")
    return raw[: chance.randrange(len(raw) + 1)] if chance.random() < 0.05 else raw


def in_json_mode(raw: bytes, model: type[BaseModel]) -> tuple[BaseModel | None, Failure]:
    """What pydantic's own parser and validator together say of a body by the same contract."""
    unread: list[str] = []
    try:
        value = model.model_validate_json(raw, context=unread)
    except ValidationError as exc:
        kinds = {error["type"] for error in exc.errors(include_url=False, include_input=False)}
        return None, Failure.NOT_JSON if "json_invalid" in kinds else Failure.WRONG_SHAPE
    return value, Failure.WRONG_SHAPE if unread else Failure.NONE


@pytest.mark.parametrize("model", ANSWERS, ids=lambda model: model.__name__)
def test_mutated_answers(model: type[BaseModel]) -> None:
    """Parsed once and then validated, a body is judged as in pydantic's JSON mode; none raises."""
    healthy = json.dumps(ANSWERS[model])
    failures = set()
    for seed in range(1000):
        raw = mutated(seed, healthy)
        content = Response(200, raw, aleph=False, version=None).parse(model)
        assert (content.value, content.failure) == in_json_mode(raw, model), raw
        check_values(content)
        failures.add(content.failure)
    assert failures >= {Failure.NOT_JSON, Failure.WRONG_SHAPE}


def check_values(content: Content[Any]) -> None:
    """What is read has the declared types, and only names of the contract are noted."""
    value = content.value
    assert set(content.unread) <= NAMES
    if isinstance(value, UsageWire):
        usage: Usage = value.usage()
        assert type(usage.cpu_count) in (int, type(None))
        for amount in (usage.load1, usage.mem_total_bytes, usage.disk_available_bytes):
            assert amount is None or 0 <= amount <= 10**18
        assert usage.gpus is None or all(g.compatible in (True, False, None) for g in usage.gpus)
    elif isinstance(value, ConfigWire):
        config: Config = value.config()
        for flag in (config.qemu, config.confidential, config.gpu):
            assert flag in (True, False, None)
        assert isinstance(config.version, str | None)


NAMES: Final = frozenset(
    {
        *("cpu", "cpu.count", "cpu.load_average", "mem", "disk", "gpu", "properties"),
        *("properties.cpu", "properties.cpu.architecture", "properties.cpu.vendor"),
        *("gpu.devices.model", "gpu.devices.device_name", "gpu.devices.compatible"),
        *("references", "references.CHECK_FASTAPI_VM_ID", "networking", "payment"),
        *("payment.PAYMENT_RECEIVER_ADDRESS", "computing", "computing.ENABLE_QEMU_SUPPORT"),
        *("computing.ENABLE_CONFIDENTIAL_COMPUTING", "computing.ENABLE_GPU_SUPPORT"),
    }
)


def test_an_error_costs_no_copy_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of 20,000 wrong values is parsed once, and its errors are never made into objects."""
    parses = []

    def counted(body: bytes, **options: Any) -> Any:
        parses.append(len(body))
        return from_json(body, **options)

    monkeypatch.setattr("collector.probe.response.from_json", counted)
    monkeypatch.delattr(BaseModel, "model_validate_json")
    usage = ANSWERS[UsageWire] | {"cpu": {"count": 8, "load_average": [[]] * 20_000}}
    body = json.dumps(usage).encode()
    content = Response(200, body, aleph=False, version=None).parse(UsageWire)
    assert (content.unread, parses) == (("cpu.load_average",), [len(body)])
    assert gc.isenabled()


def test_slow_answers_are_logged_by_node(caplog: pytest.LogCaptureFixture) -> None:
    """Each node is named at most once an hour, at most a hundred nodes an hour."""
    now = 0.0
    slow = SlowAnswers(lambda: now)
    answer = Response(200, b"[]", aleph=True, version=None)
    with caplog.at_level(logging.WARNING):
        slow.add(node(1), Endpoint.USAGE, answer, 0.5)
        slow.add(node(1), Endpoint.CONFIG, answer, 0.5)
        now = HOUR
        slow.add(node(1), Endpoint.CONFIG, answer, 0.031)
        assert [record.getMessage() for record in caplog.records] == [
            f"slow answer of node {node(1).hash} (crn 1): {endpoint} took {took} ms of processor "
            "time to read, 2 bytes; nothing more is asked in this visit"
            for endpoint, took in (("/about/usage/system", 500), ("/status/config", 31))
        ]
        caplog.clear()
        for number in range(2, 300):
            slow.add(node(number), Endpoint.USAGE, answer, 0.5)
    assert len(caplog.records) == 99
