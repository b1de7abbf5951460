"""Names that strangers make up."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from collector.state.bounded_names import (
    HELD_LIMIT,
    KEPT_SECONDS,
    LIMIT,
    BoundedNames,
    HeldNames,
    RecentNames,
    hold,
)
from collector.times import DAY
from tests.support.rounds import MINUTE, START


def _full(votes: int = 1) -> BoundedNames:
    """Return names of which each has a place, and as many nodes."""
    names = BoundedNames()
    names.assign({f"n{i:02}": votes for i in range(LIMIT)}, [f"n{i:02}" for i in range(LIMIT)], 0)
    names.reported_at = dict.fromkeys(names.reported_at, START)
    return names


def test_a_node_holds_two_names() -> None:
    """A node brings in two names, and a third one only when it reports one of them no more."""
    assert hold((), ("a", "b", "c"), START) == (("a", START), ("b", START))
    held = (("a", START), ("b", START))
    assert hold(held, ("a", "b", "c"), START + 9 * DAY) is held
    assert hold(held, ("b", "c"), START + DAY) == (("b", START), ("c", START + DAY))


def test_a_node_makes_two_names_a_day() -> None:
    """A node that reports another name in every round brings in two a day."""
    held: HeldNames = ()
    brought: set[str] = set()
    for minute in range(3 * 1440):
        held = hold(held, (f"v{minute}",), START + minute * MINUTE)
        brought |= {name for name, _ in held}
    assert len(brought) == 3 * HELD_LIMIT


def test_the_names_of_most_nodes_have_places() -> None:
    """Of more names than places, those have one that most nodes hold, in whatever order."""
    names = BoundedNames()
    votes = {f"n{i}": i for i in range(1, 51)}
    names.assign(votes, sorted(votes), START)
    assert names.reported_at.keys() == {f"n{i}" for i in range(19, 51)}


def test_one_gives_way_to_many() -> None:
    """A name that one node holds gives its place to one that two hold, not to one of one."""
    names, votes = _full(), {f"n{i:02}": 1 for i in range(LIMIT)}
    names.assign({**votes, "one": 1}, [*votes, "one"], START + MINUTE)
    assert not names.has("one")
    names.assign({**votes, "two": 2}, [*votes, "two"], START + MINUTE)
    assert names.has("two")
    assert len(names.reported_at) == LIMIT


def test_a_tie_changes_nothing() -> None:
    """Names with as many nodes each do not take turns."""
    names = _full(3)
    places = set(names.reported_at)
    votes = dict.fromkeys(places, 3) | {"a": 3, "z": 3}
    for minute in range(10):
        names.assign(votes, sorted(votes, reverse=minute % 2 == 0), START + minute * MINUTE)
        assert names.reported_at.keys() == places


def test_a_place_is_given_up_after_a_week() -> None:
    """A name that many hold and none reports is dropped after a week."""
    names = _full(9)
    votes = {f"n{i:02}": 9 for i in range(LIMIT)} | {"late": 1}
    names.assign(votes, ["late"], START + KEPT_SECONDS)
    assert not names.has("late")
    names.assign(votes, ["late"], START + KEPT_SECONDS + 1)
    assert names.reported_at == {"late": START + KEPT_SECONDS + 1}


def test_current_names_are_those_of_a_week() -> None:
    """Zeros are written for a week after a name was last written."""
    names = RecentNames()
    names.note("old", START)
    names.note("published", START + DAY)
    in_use = {"old", "published"}
    assert names.current(START + KEPT_SECONDS, in_use) == ("old", "published")
    assert names.current(START + KEPT_SECONDS + 1, in_use) == ("published",)


def test_names_that_lost_their_place_are_bounded() -> None:
    """Zeros are written for at most 32 names that are no longer in use, the latest ones."""
    names = RecentNames()
    for i in range(100):
        names.note(f"n{i:02}", START + i)
    assert names.current(START + 100, {"n00"}) == ("n00", *(f"n{i}" for i in range(68, 100)))


def test_a_clock_stepped_back_lets_names_age() -> None:
    """A name reported under a clock that was wrong does not keep its place for ever."""
    names = BoundedNames({"future": START + 4000 * DAY})
    names.rewind(START)
    names.assign({}, (), START + KEPT_SECONDS + 1)
    assert names.reported_at == {}


@given(st.lists(st.tuples(st.sets(st.integers(0, 60)), st.integers(0, 20 * DAY)), max_size=50))
def test_never_more_than_32(steps: list[tuple[set[int], int]]) -> None:
    """Whatever is reported in whatever order, at most 32 names have places."""
    names, time = BoundedNames(), START
    for reported, seconds in steps:
        time += seconds
        votes = Counter({f"n{name}": 1 + name % 5 for name in reported})
        names.assign(votes, list(votes), time)
        assert len(names.reported_at) <= LIMIT
