"""The table of failures is total, and nothing else says what a failure means."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from collector.model import failure as module
from collector.model.failure import MEANINGS, Failure, FailureMeaning, Fault, total

MEMBER = '    INTERNAL = "internal"\n'


def test_every_failure_has_a_row() -> None:
    """The table has each failure once, in the order of the enumeration."""
    assert list(MEANINGS) == list(Failure)


@pytest.mark.parametrize("failure", Failure)
def test_texts(failure: Failure) -> None:
    """A title fits a legend; meaning and cure are sentences."""
    assert 1 <= len(failure.title.split()) <= 3
    assert len(failure.title) <= 20
    for text in (failure.meaning, failure.cure):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "\n" not in text
        assert "|" not in text, "it stands in a table of the documentation"
    assert failure.meaning != failure.cure


def test_titles_are_unique() -> None:
    """No two failures look the same in a legend."""
    titles = [failure.title.lower() for failure in Failure]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("failure", Failure)
def test_properties_come_from_the_table(failure: Failure) -> None:
    """What code asks a failure is what its row says."""
    row = MEANINGS[failure]
    assert row == FailureMeaning(
        fault=failure.fault,
        slow=failure.is_slow,
        masked_when_blind=failure.is_masked_when_blind,
        masked_when_starved=failure.is_masked_when_starved,
        title=failure.title,
        meaning=failure.meaning,
        cure=failure.cure,
    )
    assert failure.counts_against_node == (row.fault in (Fault.NODE, Fault.DNS))


def test_faults() -> None:
    """Each failure has the fault that the documentation of the schema promises."""
    by_fault = {fault: {str(f) for f in Failure if f.fault is fault} for fault in Fault}
    assert by_fault == {
        Fault.NONE: {"none"},
        Fault.POLICY: {"invalid_address", "forbidden_address"},
        Fault.DNS: {"dns_not_found", "dns_failed"},
        Fault.NODE: {
            "connect_refused", "connect_timeout", "connect_unreachable", "connect_reset",
            "tls_failed", "tls_expired", "tls_invalid",
            "answer_timeout", "answer_broken", "answer_too_large",
            "redirected", "client_error", "server_error", "not_json", "wrong_shape", "not_a_crn",
            "screened",
        },
        Fault.VANTAGE: {
            "no_descriptors", "no_route", "round_deadline", "starved", "blind", "internal",
        },
    }  # fmt: skip


def test_slow_failures() -> None:
    """Slow is what waited for a limit: silence in DNS, TCP, TLS and the response."""
    slow = {"dns_failed", "connect_timeout", "tls_failed", "answer_timeout"}
    assert {str(f) for f in Failure if f.is_slow} == slow


def test_a_member_without_a_row_does_not_import(tmp_path: Path) -> None:
    """A failure that is added without a meaning ends the import, with its name."""
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert source.count(MEMBER) == 1
    grown = tmp_path / "grown.py"
    grown.write_text(source.replace(MEMBER, f'{MEMBER}    MELTED = "melted"\n'), encoding="utf-8")
    imported = subprocess.run(
        [sys.executable, "-c", "import grown"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert imported.returncode == 1
    assert "ValueError: failures without a meaning: melted" in imported.stderr


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(replace(MEANINGS[Failure.BLIND], title=""), id="title"),
        pytest.param(replace(MEANINGS[Failure.BLIND], meaning=""), id="meaning"),
        pytest.param(replace(MEANINGS[Failure.BLIND], cure=""), id="cure"),
    ],
)
def test_an_empty_text_is_refused(row: FailureMeaning) -> None:
    """A row with an empty text is no row."""
    with pytest.raises(ValueError, match="failure blind lacks"):
        total(Failure, {**MEANINGS, Failure.BLIND: row})


def test_a_shared_title_is_refused() -> None:
    """Two failures with one title could not be told apart in a legend."""
    rows = {**MEANINGS, Failure.BLIND: replace(MEANINGS[Failure.BLIND], title="no route")}
    with pytest.raises(ValueError, match="share a title: no route"):
        total(Failure, rows)


def test_the_table_is_read_only() -> None:
    """Nothing changes the meaning of a failure at run time."""
    with pytest.raises(TypeError):
        MEANINGS[Failure.BLIND] = MEANINGS[Failure.NONE]  # type: ignore[index]
