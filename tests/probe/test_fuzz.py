"""A small, seeded part of the fuzzer's run, and the answers by which it once found something."""

from __future__ import annotations

import json
import ssl
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.fuzz.check_visit import is_declared
from bench.fuzz.members import members_of
from bench.fuzz.parsing import parse_answers
from bench.fuzz.rounds import Figures, FuzzedRounds
from bench.fuzz.valid import ValidNode
from bench.fuzz.visits import visit_nodes
from collector.model.failure import Failure
from collector.model.observation import Config, Usage
from collector.probe.response import Response
from collector.probe.wire import ConfigWire, UsageWire
from tests.support.probe_bed import CONFIG, USAGE, open_bed
from tests.support.scripted_server import scripted_server

ONE_LOOP: Final = pytest.mark.asyncio(loop_factories=["asyncio"])


def found(figures: Figures) -> list[str]:
    """Return what is wrong, in words."""
    return [f"{f.kind} {f.visit}: {f.text[:300]}" for f in figures.findings]


@pytest.mark.slow
@ONE_LOOP
async def test_mutated_answers_in_memory() -> None:
    """No mutated answer crashes anything, gives a wrong type or touches another node's points."""
    figures = await parse_answers(FuzzedRounds("gate", 150), 2_000, lambda _: True)
    assert (found(figures), figures.answers >= 2_000) == ([], True)
    assert set(figures.failures) >= {Failure.NONE, Failure.ANSWER_BROKEN, Failure.ANSWER_TOO_LARGE}
    assert Failure.ANSWER_TIMEOUT not in figures.failures


@pytest.mark.slow
@ONE_LOOP
async def test_mutated_answers_over_tls() -> None:
    """The same holds for real visits over TLS to nodes that send such answers."""
    figures = await visit_nodes("gate", 100, 100, lambda _: True)
    assert (found(figures), figures.visits) == ([], 100)


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([CONFIG, USAGE]), st.integers(0, 200), JSON)
def test_any_value_in_any_place(path: str, place: int, value: Any) -> None:
    """Whatever JSON stands in place of one value of an answer, what is read has declared types."""
    text = ValidNode(20, 2, 0, 0).response(path).body.decode()
    members = members_of(text)
    member = members[place % len(members)]
    text = text[: member.value_start] + json.dumps(value) + text[member.end :]
    answer = Response(200, text.encode(errors="surrogatepass"), aleph=True, version=None)
    if path == CONFIG:
        config = answer.parse(ConfigWire).value
        assert config is None or is_declared(config.config(), Config)
    else:
        usage = answer.parse(UsageWire).value
        assert usage is None or is_declared(usage.usage(), Usage)


CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FILLED: Final = b"400\r\n" + b" " * 1024 + b"\r\n"


@pytest.mark.parametrize(
    ("answer", "failure", "detail"),
    [
        pytest.param(
            CHUNKED + FILLED + b"zz\r\n",
            Failure.ANSWER_BROKEN,
            "Invalid character in chunk size: b'zz' ^",
            id="a-broken-chunk-behind-the-first-read",
        ),
    ],
)
async def test_finds(context: ssl.SSLContext, answer: bytes, failure: Failure, detail: str) -> None:
    """What the fuzzer found once is judged as what it is."""

    async def play(_: str, writer: Any) -> None:
        writer.write(answer)

    async with (
        scripted_server(play) as server,
        open_bed(context, allowed=("127.0.0.0/8",)) as bed,
    ):
        probe = (await bed.look(server.url)).probes[0]
    assert (probe.failure, probe.detail) == (failure, detail)
