"""Names that strangers make up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.state.bounded_names import KEPT_SECONDS, LIMIT, BoundedNames
from collector.times import DAY
from tests.support.rounds import (
    START,
)


def _full() -> BoundedNames:
    names = BoundedNames()
    for i in range(LIMIT):
        assert names.admit(f"n{i:02}", START + i) == f"n{i:02}"
    return names


def test_first_come_first_served() -> None:
    """32 names are admitted, the next one is `other`, and those admitted stay."""
    names = _full()
    assert names.admit("late", START + 60) == "other"
    assert names.admit("n00", START + 60) == "n00"


def test_a_place_is_given_up_after_a_week() -> None:
    """A name unseen for a week gives its place to a new one, the longest unseen first."""
    names = _full()
    assert names.admit("late", START + KEPT_SECONDS) == "other"
    assert names.admit("late", START + KEPT_SECONDS + 1) == "late"
    assert "n00" not in names.current(START + KEPT_SECONDS + 1)
    assert names.admit("n00", START + KEPT_SECONDS + 1) == "other"


def test_unknown_and_other_take_no_place() -> None:
    """Neither `unknown` nor `other` costs a stranger's name its place, and both are counted."""
    names = BoundedNames()
    assert [names.admit(name, START) for name in ("unknown", "other")] == ["unknown", "other"]
    assert names.reported_at == {}
    assert names.current(START) == ("other", "unknown")


def test_published_names_take_no_place() -> None:
    """However many names the network publishes, strangers have 32 of their own."""
    names = BoundedNames()
    for i in range(100):
        names.note(f"published {i}", START)
    assert names.admit("mine", START) == "mine"


def test_current_names_are_those_of_a_week() -> None:
    """Zeros are written for a week after a name was last reported."""
    names = BoundedNames()
    names.admit("old", START)
    names.note("published", START + DAY)
    assert names.current(START + KEPT_SECONDS) == ("old", "published")
    assert names.current(START + KEPT_SECONDS + 1) == ("published",)


def test_a_clock_stepped_back_lets_names_age() -> None:
    """A name reported under a clock that was wrong does not keep its place for ever."""
    names = BoundedNames()
    names.admit("future", START + 4000 * DAY)
    names.rewind(START)
    assert names.current(START + KEPT_SECONDS + 1) == ()


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20 * DAY)), max_size=200))
def test_never_more_than_33(steps: list[tuple[int, int]]) -> None:
    """Whatever comes in whatever order, at most 32 names and `other` are current."""
    names = BoundedNames()
    time = START
    for name, seconds in steps:
        time += seconds
        assert names.admit(f"n{name}", time) in (f"n{name}", "other")
        assert len(names.reported_at) <= LIMIT
        assert len(names.current(time)) <= LIMIT + 1
