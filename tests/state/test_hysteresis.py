"""Up and down over several rounds."""

from __future__ import annotations

import pytest

from collector.state.hysteresis import Hysteresis
from collector.state.rules import Rules
from collector.times import DAY, HOUR
from tests.support.rounds import (
    MINUTE,
    START,
    Rounds,
    bad,
    events,
    good,
    kinds,
    node,
    only,
    ups,
)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        pytest.param("GBBG", "1111", id="two-bad-rounds-are-a-restart"),
        pytest.param("GBBB", "1110", id="three-bad-rounds"),
        pytest.param("GBGBGB", "111110", id="three-of-five-while-flapping"),
        pytest.param("GBGGBGGB", "11111111", id="one-of-three-is-not-enough"),
        pytest.param("GBBBG", "11100", id="one-good-round-is-not-enough"),
        pytest.param("GBBBGG", "111001", id="two-good-rounds"),
        pytest.param("GBBBGBGG", "11100001", id="two-good-rounds-in-a-row"),
        pytest.param("GBBBGGBBG", "111001111", id="bad-rounds-before-up-are-forgotten"),
        pytest.param("BGG", "001", id="first-evidence-decides-at-once"),
        pytest.param("GSSS", "1110", id="an-error-of-the-node-counts"),
        pytest.param("GDDD", "1110", id="a-dead-name-counts"),
        pytest.param("GUUUUUU", "1111111", id="an-unfinished-round-says-nothing"),
        pytest.param("GXXXXXX", "1111111", id="a-blind-round-says-nothing"),
        pytest.param("GBBBXX", "111000", id="a-blind-round-raises-nobody"),
        pytest.param("GBBBAA", "111001", id="an-answer-in-a-blind-round-counts"),
        pytest.param("GBBXXB", "111110", id="bad-rounds-around-a-short-blindness-add-up"),
        pytest.param("GBBXXXXB", "11111111", id="but-not-around-a-long-one"),
        pytest.param("XXG", "..1", id="blind-at-first"),
        pytest.param("XAG", ".11", id="blind-at-first-with-an-answer"),
        pytest.param("UB", ".0", id="unfinished-at-first"),
        pytest.param("GBRBRB", "1110", id="restarts-change-nothing"),
        pytest.param("GBB-----B", "1111", id="a-gap-starts-the-count-anew"),
        pytest.param("GBBB-----GG", "111001", id="after-a-gap-up-needs-two"),
        pytest.param("GBBBG-----GG", "1110001", id="a-gap-breaks-a-row-of-good-rounds"),
    ],
)
def test_up(letters: str, expected: str) -> None:
    """`up` follows 3 bad rounds of 5, and 2 good ones in a row, of evidence only."""
    assert ups(Rounds().play(letters)) == expected


@pytest.mark.parametrize(
    ("rule", "letters", "expected"),
    [
        pytest.param(Hysteresis(1, 1, 1), "GBGB", "1010", id="none-at-all"),
        pytest.param(Hysteresis(2, 2, 2), "GBGBBGG", "1111001", id="two-in-a-row"),
        pytest.param(Hysteresis(3, 3, 3), "GBBBGGBGGG", "1110000001", id="three-in-a-row"),
    ],
)
def test_other_rules(rule: Hysteresis, letters: str, expected: str) -> None:
    """The numbers of the rule are settings."""
    assert ups(Rounds(rules=Rules(hysteresis=rule)).play(letters)) == expected


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param((0, 5, 2), id="never-needed"),
        pytest.param((4, 3, 2), id="more-than-the-window"),
        pytest.param((3, 5, 0), id="up-after-nothing"),
        pytest.param((3, 5, 6), id="up-after-more-than-is-kept"),
    ],
)
def test_rules_that_cannot_work(numbers: tuple[int, int, int]) -> None:
    """A rule that could never be met is refused."""
    with pytest.raises(ValueError, match="must be between 1 and down_within"):
        Hysteresis(*numbers)


def test_since_and_lasted() -> None:
    """`since` is the first bad or good round, and `lasted_seconds` the time between the two."""
    down, up = events(Rounds().play("GGBBBBGG"))
    assert (down.since, down.failure) == (START + 2 * MINUTE, "connect_timeout")
    assert (up.since, up.lasted_seconds) == (START + 6 * MINUTE, 4.0 * MINUTE)
    assert "crn 1 is down: connect_timeout since 2027-01-15 08:02 UTC" in down.text
    assert "crn 1 is up again since 2027-01-15 08:06 UTC after 4 min" in up.text


def test_since_over_a_gap() -> None:
    """An outage that outlasts the collector's own lasts from its first bad round."""
    down, up = events(Rounds().play("GBBBR" + 180 * "-" + "GG"))
    assert down.since == START + MINUTE
    assert up.lasted_seconds == 183.0 * MINUTE


def test_since_of_a_node_found_down() -> None:
    """A node found down was down since it was first visited."""
    (up,) = events(Rounds().play("BBGG"))
    assert (str(up.kind), up.since, up.lasted_seconds) == ("up", START + 120, 120.0)


def test_nothing_is_announced_twice() -> None:
    """However long an outage lasts, it is one event; a restart in it is none."""
    assert kinds(Rounds().play("G" + 30 * "BR" + 10 * "XR" + 20 * "BR" + "GRGRGRG")) == [
        "down",
        "up",
    ]


def test_flapping() -> None:
    """A node that is away every other round goes down once and stays so."""
    judged = Rounds().play("G" + 60 * "BG")
    assert kinds(judged) == ["down"]
    assert set(ups(judged[10:])) == {"0"}


@pytest.mark.parametrize("hours", [-30, -5, -1, 1, 5, 30])
@pytest.mark.parametrize("before", ["G", "GBB", "GBBB", "GBBBG", "GBBBBBB"])
@pytest.mark.parametrize("after", ["G", "B", "GB", "BB"])
def test_clock_steps(hours: int, before: str, after: str) -> None:
    """A clock that is stepped invents no transition: evidence from before counts no more."""
    rounds = Rounds()
    *_, last = rounds.play(before)
    rounds.time += hours * HOUR
    judged = rounds.play(after)
    assert kinds(judged) == []
    assert [only(j).up for j in judged] == [only(last).up] * len(after)
    assert all((only(j).evidence_age_seconds or 0) >= 0 for j in judged)


def test_clock_forward_and_back() -> None:
    """After a clock that was years ahead for a round, outages are announced and timed as ever."""
    rounds = Rounds()
    rounds.play("GGG")
    rounds.time += 4000 * DAY
    rounds.play("G")
    rounds.time -= 4000 * DAY
    judged = rounds.play("GGBBBGG")
    assert kinds(judged) == ["down", "up"]
    assert events(judged)[1].lasted_seconds == 3.0 * MINUTE


def test_clock_back_keeps_lost_bounded() -> None:
    """`lost` ends 7 days after a node was last up, though the clock once was wrong."""
    rounds = Rounds()
    rounds.time += 4000 * DAY
    rounds.play("G")
    rounds.time -= 4000 * DAY
    assert only(rounds.play("GBBB")[-1]).lost
    rounds.time += 8 * DAY
    assert not only(rounds.play("B")[-1]).lost


def test_changed_address() -> None:
    """A node that moves is judged anew at its new address, from the state that it had."""
    rounds = Rounds()
    rounds.play("GBB")
    rounds.nodes = (node(address="https://other.example.org"),)
    assert ups(moved := rounds.play("BBB")) == "110"
    assert kinds(moved) == ["address_changed", "down"]
    assert events(moved)[1].since == START + 3 * MINUTE


def test_changed_address_unseen() -> None:
    """Evidence from an old address counts no more at the new one."""
    rounds = Rounds()
    rounds.play("GG")
    rounds.nodes = (node(address="https://other.example.org"),)
    status = only(rounds.play("U")[0])
    assert (status.up, status.evidence_age_seconds, status.fresh) == (True, None, False)


def test_lost() -> None:
    """`lost` holds for 7 days after a node was last up."""
    rounds = Rounds()
    assert [only(j).lost for j in rounds.play("GBBB")] == [False, False, False, True]
    last_up = START + 2 * MINUTE
    rounds.time = last_up + 7 * DAY
    assert [only(j).lost for j in rounds.play("BB")] == [True, False]


def test_lost_never_for_the_long_dead() -> None:
    """Who was down at first start alarms nobody, however often it is asked."""
    assert not any(only(j).lost for j in Rounds().play(200 * "B"))


def test_lost_while_blind_is_as_it_was() -> None:
    """A blind vantage does not take back that a node is lost."""
    assert [only(j).lost for j in Rounds().play("GBBBXX")[-2:]] == [True, True]


def test_nodes_are_judged_apart() -> None:
    """One node's outage is nobody else's."""
    rounds = Rounds(nodes=(node(1), node(2)))
    for _ in range(4):
        judged = rounds.play_round([good(node(1)), bad(node(2))])
    assert [v.up for v in judged.statuses] == [True, False]
