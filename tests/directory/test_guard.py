"""When a list that lost nodes is accepted."""

from __future__ import annotations

import pytest

from collector.directory.guard import ShrinkGuard

KNOWN = frozenset("abcdefghij")


@pytest.mark.parametrize(
    ("fetched", "accepted"),
    [
        pytest.param("abcdefghij", True, id="same"),
        pytest.param("abcdefghijk", True, id="one-more"),
        pytest.param("abcde", True, id="half"),
        pytest.param("abcd", False, id="less-than-half"),
        pytest.param("klmnopqrst", False, id="as-many-others"),
    ],
)
def test_first_fetch(fetched: str, accepted: bool) -> None:
    """A list that holds less than half of the nodes known is not accepted at once."""
    assert ShrinkGuard().admit(frozenset(fetched), KNOWN) is accepted


def test_nothing_known() -> None:
    """The first list ever is accepted."""
    assert ShrinkGuard().admit(frozenset("a"), frozenset())


def test_third_in_a_row(caplog: pytest.LogCaptureFixture) -> None:
    """The third fetch in a row is accepted, each says so, and a good one between starts anew."""
    guard = ShrinkGuard()
    few = frozenset("abc")
    assert [guard.admit(fetched, KNOWN) for fetched in (few, few, KNOWN, few, few, few)] == [
        False, False, True, False, False, True,
    ]  # fmt: skip
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 5
    assert caplog.messages[3:] == [
        "the new list of nodes holds only 3 of the 10 known nodes: "
        "not accepted, the old list stays in use (fetch 2 of 3)",
        "the new list of nodes holds only 3 of the 10 known nodes: accepted (fetch 3 of 3)",
    ]
