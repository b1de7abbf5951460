"""Telling the generations apart."""

from __future__ import annotations

import pytest

from collector.influx.generation import Generation, recognise
from collector.influx.secret_mask import SecretMask
from collector.influx.server_answer import ServerAnswer, make_answer

PASS = b'{"status":"pass"}'


def reply(status: int, body: bytes, build: str) -> ServerAnswer:
    """Return the answer of an endpoint."""
    headers = {"X-Influxdb-Build": build} if build else {}
    return make_answer(status, body, headers, SecretMask())


NOTHING = reply(404, b"404 page not found\n", "")


@pytest.mark.parametrize(
    ("setup", "ping", "health", "generation"),
    [
        (NOTHING, reply(204, b"", ""), NOTHING, Generation.V1),
        (NOTHING, reply(204, b"", "OSS"), reply(200, PASS, ""), Generation.V1_8),
        (NOTHING, reply(204, b"", "OSS"), reply(503, b'{"status":"fail"}', ""), Generation.V1_8),
        (
            reply(200, b'{"allowed":false}', ""),
            reply(204, b"", "OSS"),
            reply(200, PASS, ""),
            Generation.V2,
        ),
        (NOTHING, reply(200, b"{}", "Core"), reply(200, b"OK", ""), Generation.V3),
        (NOTHING, reply(200, b'{"version":"3"}', ""), reply(200, b"OK", ""), Generation.V3),
        (reply(200, b"<html>", ""), reply(200, b"<html>", ""), reply(200, b"<html>", ""), None),
        (reply(200, b"[]", ""), NOTHING, NOTHING, None),
        (NOTHING, reply(204, b"", ""), reply(502, b"", ""), None),
        (NOTHING, reply(200, b'{"error":"sign in"}', ""), reply(200, b"OK", ""), None),
        (reply(204, b"", ""), reply(204, b"", ""), reply(204, b"", ""), None),
        (reply(403, b"", "Core"), reply(403, b"", "Core"), reply(403, b"", "Core"), None),
        (NOTHING, reply(204, b"", ""), reply(200, b"[" * 100_000, ""), None),
    ],
    ids=[
        "1.6",
        "1.8",
        "1.8 not ready",
        "2",
        "3",
        "3 by JSON",
        "web page",
        "list",
        "bad gateway",
        "JSON error",
        "204 to all",
        "403",
        "deep JSON",
    ],
)
def test_recognise(
    setup: ServerAnswer,
    ping: ServerAnswer,
    health: ServerAnswer,
    generation: Generation | None,
) -> None:
    """A generation is known by its answers, and anything else by none."""
    assert recognise(setup, ping, health) is generation
