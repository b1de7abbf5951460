"""Text from strangers."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.text import NAME_LIMIT, clean, release_of
from tests.support.hostile_text import HONEST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("crn 1", "crn 1", id="plain"),
        pytest.param("  crn \t\r\n 1 \u2028", "crn 1", id="white-space-is-one-space"),
        pytest.param("\x00\x1b[31mred\x7f", "[31mred", id="controls-are-dropped"),
        pytest.param("a\u202eb\u200bc\ufeff", "abc", id="invisible-formats-are-dropped"),
        pytest.param("\ue000\U0010ffff\ud800x", "x", id="private-unassigned-surrogates"),
        pytest.param("C:\\node\\", "C:/node/", id="backslashes-become-slashes"),
        pytest.param("Zu\u0308rich", "Zürich", id="composed"),
        pytest.param("Zu\u200b\u0308rich", "Zürich", id="composed-after-dropping"),
        pytest.param("日本 🦀", "日本 🦀", id="other-scripts"),
        pytest.param("x" * 100, "x" * NAME_LIMIT, id="cut"),
        pytest.param("x" * 63 + " y", "x" * 63, id="cut-without-a-space-at-the-end"),
        pytest.param("\u200b" * 1000 + "x", "", id="cut-before-it-is-looked-at"),
        pytest.param("", "", id="empty"),
        pytest.param("a\U000e0041\U000e0042\U000e007f", "a", id="tag-characters"),
        pytest.param("a\ufe01\U000e0101b", "ab", id="variants-that-hide-text"),
        pytest.param("\u2764\ufe0f", "\u2764\ufe0f", id="how-an-emoji-looks"),
        pytest.param("x" + "\u0301" * 500, "x" + "\u0301" * 4, id="flood-of-marks"),
        pytest.param("\u0301a \u0301b", "a b", id="marks-on-nothing"),
        pytest.param("\u3164\u115f\u2800 \uffa0", "", id="blank-letters"),
        pytest.param("\u200b\u2060\ufe0f\u0301", "", id="nothing-visible"),
        pytest.param("שָׁלוֹם", "שָׁלוֹם", id="marks-of-a-script"),
        pytest.param("<!channel> @here", "‹!channel› ＠here", id="calls-nobody-in-a-chat"),  # noqa: RUF001
        pytest.param("[a]\u200b(b)", "[a] (b)", id="no-link-with-a-text-of-its-own"),
        *[pytest.param(name, name, id=name) for name in HONEST],
    ],
)
def test_clean(text: str, expected: str) -> None:
    """One line of printable characters, at most 64 of them."""
    assert clean(text) == expected


@given(st.text())
def test_clean_text_stays_clean(text: str) -> None:
    """Cleaning twice changes nothing, and nothing that could do harm is left."""
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert len(cleaned) <= NAME_LIMIT
    assert not set("\\<>@") & set(cleaned)
    assert "](" not in cleaned
    assert cleaned.split(" ") == cleaned.split() or cleaned == ""
    assert not any(unicodedata.category(ch)[0] == "C" for ch in cleaned)
    cleaned.encode()


@pytest.mark.parametrize(
    ("version", "release"),
    [
        pytest.param("1.7.2", (1, 7, 2), id="release"),
        pytest.param("v1.7.2", (1, 7, 2), id="with-a-v"),
        pytest.param("1.3.0-41-g7303587", (1, 3, 0), id="git-describe"),
        pytest.param("0.2.9-rc1", (0, 2, 9), id="candidate"),
        pytest.param("1.10.12", (1, 10, 12), id="two-digits"),
        pytest.param("1.7", None, id="two-parts"),
        pytest.param("main", None, id="no-number"),
        pytest.param("", None, id="empty"),
        pytest.param("1.7.99999", None, id="too-many-digits"),
        pytest.param("\u0661.\u0662.\u0663", None, id="digits-of-other-scripts"),
    ],
)
def test_release_of(version: str, release: tuple[int, int, int] | None) -> None:
    """The release part of a version, or none."""
    assert release_of(version) == release
