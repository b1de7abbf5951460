"""The documentation says what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from collector.cli.main import app
from collector.errors import Exit
from collector.model.failure import Failure
from collector.schema.measurements import MEASUREMENTS
from collector.service.given_settings import CONFIG_VARIABLE
from collector.service.settings import fields, variable

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FOLDERS = ("bench", "collector", "crn_simulator", "deploy", "docs", "grafana", "tests")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def _code(page: Path) -> str:
    """What a page sets as code, in lines and in blocks, one snippet a line."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page.read_text(), re.S))


def _picture(page: str) -> str:
    """The drawing of the packages on a page."""
    blocks: list[str] = re.findall(r"```.*?```", (ROOT / page).read_text(), re.S)
    (picture,) = [block for block in blocks if "influx ──▶" in block]
    return picture


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


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that exists."""
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


@each_page
def test_anchors_of_links_are_headings(page: Path) -> None:
    """Every link to a section of a page names a heading of that page."""
    missing = []
    for target, anchor in re.findall(r"\]\(([^):#]*)#([^)]+)\)", page.read_text()):
        text = (page.parent / target if target else page).read_text()
        headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
        slugs = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
        if anchor not in slugs:
            missing.append(f"{target}#{anchor}")
    assert missing == []


@each_page
def test_commands_in_pages_exist(page: Path) -> None:
    """A page names no command that is not there."""
    named = set(
        re.findall(r"crn-collector (?:-c \S+ |--config \S+ )?([a-z][a-z-]+)", page.read_text())
    )
    assert named <= _commands()


@each_page
def test_options_in_pages_exist(page: Path) -> None:
    """A page gives no command an option or a subcommand that it does not have."""
    root = typer.main.get_command(app)
    lines = re.findall(r"crn-collector((?: +[^\s|`;&>#]+)*)", _code(page))
    assert [line for line in lines if not _is_accepted(root, line.split())] == []


def _is_accepted(command: Any, words: list[str]) -> bool:
    """Whether every word is a command, an option or an argument of the command before it."""
    expects_value = False
    for word in words:
        options = {name: p for p in command.params for name in (*p.opts, *p.secondary_opts)}
        if word.startswith("-"):
            option = options.get(word)
            if word not in ("--help", "--install-completion") and option is None:
                return False
            expects_value = option is not None and not option.is_flag
        elif expects_value:
            expects_value = False
        elif word.islower() and hasattr(command, "commands"):
            if word not in command.commands:
                return False
            command = command.commands[word]
    return True


def test_exit_codes_are_documented() -> None:
    """The table of exit codes has each of them and no other."""
    table = re.findall(r"^\| (\d+) \| (.+) \|$", (ROOT / "docs/operation.md").read_text(), re.M)
    assert table == [(str(code.value), code.meaning) for code in Exit]


def test_every_failure_and_measurement_is_documented() -> None:
    """Each failure is explained, each measurement described."""
    state, schema = ((ROOT / "docs" / name).read_text() for name in ("state.md", "schema.md"))
    assert [f for f in Failure if f"`{f}`" not in state] == []
    assert [m.MEASUREMENT for m in MEASUREMENTS if m.MEASUREMENT not in schema] == []


@each_page
def test_paths_in_pages_exist(page: Path) -> None:
    """Every path of the repository that a page names is there."""
    named = re.findall(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./-]*\w", _code(page))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_paths_of_the_walk_through_a_round_exist() -> None:
    """Every module that docs/architecture.md names without its package's parent is there."""
    named = re.findall(r"`([a-z_]+/[a-z_]+\.py)`", (ROOT / "docs/architecture.md").read_text())
    places = (ROOT, ROOT / "collector")
    assert len(named) > 20
    assert [path for path in named if not any((at / path).exists() for at in places)] == []


@each_page
def test_make_targets_in_pages_exist(page: Path) -> None:
    """Every `make` target that a page names is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", _code(page), re.M)) <= targets


@each_page
def test_modules_in_pages_exist(page: Path) -> None:
    """Every module that a page runs with `python -m` is there."""
    named = re.findall(r"python -m ((?:bench|collector|grafana)[a-z_.]*)", _code(page))
    paths = [ROOT / name.rstrip(".").replace(".", "/") for name in named]
    assert [p for p in paths if not (p.with_suffix(".py").exists() or p.is_dir())] == []


@each_page
def test_settings_in_pages_exist(page: Path) -> None:
    """Every variable `CRN_…` that a page names is that of a setting."""
    known = {variable(path) for path, _ in fields()} | {CONFIG_VARIABLE}
    assert set(re.findall(r"\bCRN_[A-Z0-9_]*[A-Z0-9]", page.read_text())) <= known


def test_every_package_has_its_place_in_the_architecture() -> None:
    """The table of packages, and the picture, have each package of the collector and no other."""
    packages = {p.parent.name for p in ROOT.glob("collector/*/__init__.py")}
    page = (ROOT / "docs/architecture.md").read_text()
    drawn = re.findall(r"[a-z]+", _picture("docs/architecture.md"))
    assert set(re.findall(r"^\| `collector/([a-z_]+)`", page, re.M)) == packages
    assert packages - set(drawn) == set()


def test_there_is_one_picture() -> None:
    """The README draws the packages as docs/architecture.md does."""
    assert _picture("README.md") == _picture("docs/architecture.md")


def test_decisions_are_listed() -> None:
    """Every decision is in the index, in order, under its title, and has a number of its own."""
    index = (ROOT / "docs/adr/README.md").read_text()
    pages = sorted((ROOT / "docs/adr").glob("0*.md"))
    titles = [page.read_text().splitlines()[0].removeprefix("# ") for page in pages]
    listed = re.findall(r"^(\d+\. )\[(.+)\]\((0\d+-.+)\)$", index, re.M)
    assert [(f"{number}{title}", name) for number, title, name in listed] == [
        (title, page.name) for title, page in zip(titles, pages, strict=True)
    ]
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    assert [int(title.split(".")[0]) for title in titles] == list(range(1, len(pages) + 1))
