"""The documentation says what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from collector.cli.main import app
from collector.errors import Exit
from collector.model.failure import Failure
from collector.schema.measurements import MEASUREMENTS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def _commands() -> set[str]:
    return set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_generated_pages_are_in_step() -> None:
    """`make docs` would change nothing."""
    built = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "build.py"), "--check"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (built.returncode, built.stdout) == (0, "")


def test_every_command_is_in_the_readme() -> None:
    """The README's table lists the commands that there are, and no other."""
    listed = re.findall(r"^\| `crn-collector ([a-z-]+)", (ROOT / "README.md").read_text(), re.M)
    assert set(listed) == _commands()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that exists."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_pages_exist(page: Path) -> None:
    """A page names no command that is not there."""
    named = set(
        re.findall(r"crn-collector (?:-c \S+ |--config \S+ )?([a-z][a-z-]+)", page.read_text())
    )
    assert named <= _commands()


def test_exit_codes_are_documented() -> None:
    """The table of exit codes has each of them and no other."""
    table = re.findall(r"^\| (\d+) \| (.+) \|$", (ROOT / "docs/operation.md").read_text(), re.M)
    assert table == [(str(code.value), code.meaning) for code in Exit]


def test_every_failure_and_measurement_is_documented() -> None:
    """Each failure is explained, each measurement described."""
    state, schema = ((ROOT / "docs" / name).read_text() for name in ("state.md", "schema.md"))
    assert [f for f in Failure if f"`{f}`" not in state] == []
    assert [m.MEASUREMENT for m in MEASUREMENTS if m.MEASUREMENT not in schema] == []


def test_decisions_are_listed() -> None:
    """Every decision is in the index."""
    index = (ROOT / "docs/adr/README.md").read_text()
    pages = {p.name for p in (ROOT / "docs/adr").glob("0*.md")}
    assert set(re.findall(r"\((0\d+-[^)]+)\)", index)) == pages
