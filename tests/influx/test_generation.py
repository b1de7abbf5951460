"""Telling the generations apart."""

from __future__ import annotations

import pytest

from collector.influx.generation import Generation, Reply, recognise

PASS = b'{"status":"pass"}'
NOTHING = Reply(404, b"404 page not found\n", "")


@pytest.mark.parametrize(
    ("setup", "ping", "health", "generation"),
    [
        (NOTHING, Reply(204, b"", ""), NOTHING, Generation.V1),
        (NOTHING, Reply(204, b"", "OSS"), Reply(200, PASS, ""), Generation.V1_8),
        (NOTHING, Reply(204, b"", "OSS"), Reply(503, b'{"status":"fail"}', ""), Generation.V1_8),
        (
            Reply(200, b'{"allowed":false}', ""),
            Reply(204, b"", "OSS"),
            Reply(200, PASS, ""),
            Generation.V2,
        ),
        (NOTHING, Reply(200, b"{}", "Core"), Reply(200, b"OK", ""), Generation.V3),
        (NOTHING, Reply(200, b'{"version":"3"}', ""), Reply(200, b"OK", ""), Generation.V3),
        (Reply(200, b"<html>", ""), Reply(200, b"<html>", ""), Reply(200, b"<html>", ""), None),
        (Reply(200, b"[]", ""), NOTHING, NOTHING, None),
        (NOTHING, Reply(204, b"", ""), Reply(502, b"", ""), None),
    ],
    ids=["1.6", "1.8", "1.8 not ready", "2", "3", "3 by JSON", "web page", "list", "bad gateway"],
)
def test_recognise(setup: Reply, ping: Reply, health: Reply, generation: Generation | None) -> None:
    """A generation is known by its answers, and anything else by none."""
    assert recognise(setup, ping, health) is generation
