"""Which entry of a hash that is listed more than once is chosen."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from collector.directory.cache import BestEffortCache
from collector.directory.duplicates import DuplicateResolver, choose
from collector.directory.entry import read_entries
from collector.model.node import Node
from tests.support.directory_fakes import BrokenCopies, MemoryCopies, digest, entry

A, B, C = (
    entry(1, address=address) for address in ("https://a.b", "https://b.b", "https//refused.b")
)


def _nodes(*entries: object) -> tuple[Node, ...]:
    return read_entries(entries).nodes


@pytest.mark.parametrize("order", [*itertools.permutations([A, B, C])])
@pytest.mark.parametrize(
    ("before", "chosen"),
    [
        pytest.param({}, "https://a.b", id="new"),
        pytest.param({digest(1): "https://b.b"}, "https://b.b", id="chosen-before"),
        pytest.param({digest(1): "https//refused.b"}, "https//refused.b", id="refused-before"),
        pytest.param({digest(1): "https://gone.b"}, "https://a.b", id="no-longer-listed"),
    ],
)
def test_any_order(order: tuple[object, ...], before: dict[str, str], chosen: str) -> None:
    """The address chosen before is kept, else the first valid one, whatever the list's order."""
    result = choose(_nodes(*order, entry(2)), before)
    assert [node.address for node in result.nodes] == [chosen, "https://node-2.example.org"]
    others = {"https://a.b", "https://b.b", "https//refused.b"} - {chosen}
    assert set(result.duplicates[digest(1)]) == others
    assert set(result.duplicates) == {digest(1)}


def test_same_address_twice() -> None:
    """Entries that differ only in what else they say are told apart the same way in any order."""
    waiting = entry(1, status="waiting")
    results = [choose(_nodes(*order), {}) for order in itertools.permutations([entry(1), waiting])]
    assert results[0] == results[1]
    assert results[0].nodes[0].linked
    assert results[0].duplicates == {digest(1): ("https://node-1.example.org",)}


def test_same_node_twice() -> None:
    """Entries that differ only in what nobody here reads are told apart the same way too."""
    other = entry(1, banner="other")
    results = [choose(_nodes(*order), {}) for order in itertools.permutations([entry(1), other])]
    assert results[0].nodes[0].entry == results[1].nodes[0].entry


async def test_choice_survives_restart(copies: MemoryCopies) -> None:
    """An entry that was there first stays chosen over a smaller address, also after a restart."""
    first = DuplicateResolver(BestEffortCache(copies))
    await first.choose(_nodes(B), at=1.0)
    await first.choose(_nodes(A, B), at=2.0)
    again = await DuplicateResolver(BestEffortCache(copies)).choose(_nodes(A, B), at=3.0)
    assert again.nodes == _nodes(B)
    assert json.loads(copies.bodies["choices"][0]) == {digest(1): "https://b.b"}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a": 1}', b"\xff"])
async def test_broken_choices(copies: MemoryCopies, body: bytes) -> None:
    """Choices that cannot be read are made anew."""
    copies.bodies["choices"] = (body, 1.0)
    chosen = await DuplicateResolver(BestEffortCache(copies)).choose(_nodes(B, A), at=2.0)
    assert chosen.nodes == _nodes(A)


async def test_full_disk(caplog: pytest.LogCaptureFixture) -> None:
    """A place that takes no copies costs a warning for each of its complaints, not the choice."""
    choices = DuplicateResolver(BestEffortCache(BrokenCopies()))
    for listed in (_nodes(A, B), _nodes(A), _nodes(A, B)):
        assert (await choices.choose(listed, at=1.0)).nodes == _nodes(A)
    assert [record.getMessage() for record in caplog.records] == [
        "cached document 'choices' cannot be loaded: [Errno 5] Input/output error",
        "cached document 'choices' cannot be saved: [Errno 28] No space left on device",
    ]


@pytest.mark.parametrize(
    ("body", "at"),
    [
        pytest.param("text", 1.0, id="text-for-bytes"),
        pytest.param(None, 1.0, id="no-body"),
        pytest.param(b"{}", None, id="no-time"),
        pytest.param(b"{}", "yesterday", id="text-for-a-time"),
        pytest.param(b"{}", float("inf"), id="no-finite-time"),
    ],
)
async def test_a_damaged_copy_is_none(body: Any, at: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A copy that the store gives with other types than were kept is not used, with a warning."""
    copies = MemoryCopies()
    await copies.save("choices", body, at)
    assert await BestEffortCache(copies).load("choices") is None
    assert "cached document 'choices' cannot be loaded: the copy is damaged" in caplog.text
