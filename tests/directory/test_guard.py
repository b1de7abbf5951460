"""When a list that lost nodes, or has many new ones, is accepted."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from collector.directory.cache import BestEffortCache
from collector.directory.guard import DOCUMENT, ListGuard
from collector.times import DAY
from tests.support.directory_fakes import MemoryCopies

NOW = 1_700_000_000.0
REFRESH = 300.0


def _nodes(*numbers: int) -> frozenset[str]:
    """So many nodes, or those from one number up to another."""
    return frozenset(str(number) for number in range(*numbers))


async def _admit(guard: ListGuard, lists: Iterable[frozenset[str]]) -> list[bool]:
    """Fetch one list after another, each after the time of a refresh."""
    return [await guard.admit(each, NOW + i * REFRESH) for i, each in enumerate(lists)]


@pytest.fixture
def guard(copies: MemoryCopies) -> ListGuard:
    """A guard that knows nothing yet."""
    return ListGuard(BestEffortCache(copies))


@pytest.mark.parametrize(
    ("fetched", "accepted"),
    [
        pytest.param(_nodes(10), True, id="same"),
        pytest.param(_nodes(11), True, id="one-more"),
        pytest.param(_nodes(20), True, id="twice-as-many"),
        pytest.param(_nodes(21), False, id="more-than-twice"),
        pytest.param(_nodes(5), True, id="half"),
        pytest.param(_nodes(4), False, id="less-than-half"),
        pytest.param(_nodes(10, 20), False, id="as-many-others"),
    ],
)
async def test_second_fetch(guard: ListGuard, fetched: frozenset[str], accepted: bool) -> None:
    """The first list ever is accepted, and then none that is another one altogether."""
    assert await _admit(guard, [_nodes(10), fetched]) == [True, accepted]


@pytest.mark.parametrize(
    ("sizes", "accepted"),
    [
        pytest.param((550, 276, 139, 70, 36, 19, 10, 5), 276, id="halving"),
        pytest.param((550, 1100, 2200, 4400, 8800), 1100, id="doubling"),
        pytest.param((550, 1100, 1650, 2200, 2750), 1100, id="growing-by-as-many"),
        pytest.param((550, 276, 550, 276, 550), 550, id="half-and-back"),
        pytest.param((550, 1100, 300, 900, 1700), 900, id="to-and-fro"),
    ],
)
async def test_small_steps(guard: ListGuard, sizes: tuple[int, ...], accepted: int) -> None:
    """Steps that each look harmless do not add up: the measure is all of the last day."""
    admitted = await _admit(guard, map(_nodes, sizes))
    assert [size for size, good in zip(sizes, admitted, strict=True) if good][-1] == accepted


async def test_nodes_replaced(guard: ListGuard) -> None:
    """Lists of one length that replace half of the nodes each do not replace them all."""
    lists = [_nodes(10), _nodes(5, 15), _nodes(10, 20)]
    assert await _admit(guard, lists) == [True, True, False]


@pytest.mark.parametrize("many", [pytest.param(4, id="few"), pytest.param(400, id="many")])
async def test_third_in_a_row(
    guard: ListGuard, many: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The third fetch in a row is accepted, each says so, and a good one between starts anew."""
    lists = [_nodes(10), _nodes(many), _nodes(many), _nodes(10), *[_nodes(many)] * 4]
    assert await _admit(guard, lists) == [
        True, False, False, True, False, False, True, True,
    ]  # fmt: skip
    said = {4: "holds only 4 of the 10 nodes listed within a day",
            400: "holds 390 nodes that are new; with the 10 listed within a day they are more than "
                 "twice the 10 of the shortest list"}[many]  # fmt: skip
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 5
    assert caplog.messages[3:] == [
        f"the new list of nodes {said}: not accepted, the old list stays in use (fetch 2 of 3)",
        f"the new list of nodes {said}: accepted (fetch 3 of 3)",
    ]


async def test_doubted_lists_that_differ(guard: ListGuard) -> None:
    """Three lists that agree on nothing confirm nothing."""
    lists = [_nodes(10), _nodes(2), _nodes(100, 200), _nodes(300, 400)]
    assert await _admit(guard, lists) == [True, False, False, False]


@pytest.mark.parametrize(
    ("later", "accepted"),
    [
        pytest.param(DAY - 9, False, id="within-a-day"),
        pytest.param(DAY + 9, True, id="a-day-later"),
        pytest.param(-DAY, True, id="clock-set-back"),
    ],
)
@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
async def test_remembered_for_a_day(
    copies: MemoryCopies, restart: bool, later: float, accepted: bool
) -> None:
    """The largest list counts for a day, also over a restart; after that, the one in use."""
    guard = ListGuard(BestEffortCache(copies))
    assert await guard.admit(_nodes(100), NOW)
    assert await guard.admit(_nodes(60), NOW + 1)
    if restart:
        guard = ListGuard(BestEffortCache(copies))
        assert await guard.admit(_nodes(60), NOW + 2)  # the cached list
    assert await guard.admit(_nodes(40), NOW + later) is accepted


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x00", id="no-json"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"listed_at": 5, "shortest": 1, "shortest_at": 1}',
                     id="shape"),
        pytest.param(b'{"listed_at": {"0": "soon"}, "shortest": 1, "shortest_at": 1}',
                     id="no-time"),
        pytest.param(b'{"listed_at": {}, "shortest": 1e999, "shortest_at": 1}', id="infinite"),
    ],
)  # fmt: skip
async def test_damaged_document(guard: ListGuard, copies: MemoryCopies, body: bytes) -> None:
    """A document that cannot be read is replaced."""
    copies.bodies[DOCUMENT] = (body, NOW)
    assert await _admit(guard, [_nodes(10), _nodes(4)]) == [True, False]
    assert copies.bodies[DOCUMENT][0].startswith(b'{"listed_at": {"0": ')
