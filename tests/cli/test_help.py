"""`--help` is documentation: what a command does, and what its exit codes mean."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from collector import errors
from collector.cli.main import app
from collector.cli.registration import exit_codes, help_text
from collector.errors import Exit


def _commands(group: TyperGroup, path: str = "") -> Iterator[tuple[str, TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, f"{path}{name} ")
        else:
            assert isinstance(command, TyperCommand)
            yield f"{path}{name}", command


def _root() -> TyperGroup:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    return root


MEMBER = '    OK = 0, "success"\n'
COMMANDS = dict(_commands(_root()))


def _codes(epilog: str | None) -> list[int]:
    return [int(code) for code in re.findall(r"^ *(\d+)  ", epilog or "", re.M)]


def test_every_exit_code_has_a_meaning() -> None:
    """No code lacks a meaning, and no two mean the same."""
    meanings = [code.meaning for code in Exit]
    assert all(meanings)
    assert len(set(meanings)) == len(meanings)


def test_an_exit_code_without_a_meaning_does_not_import() -> None:
    """A code that is added without a meaning ends the import."""
    source = Path(errors.__file__).read_text(encoding="utf-8")
    assert source.count(MEMBER) == 1
    grown = source.replace(MEMBER, f"{MEMBER}    BARE = 70\n")
    with pytest.raises(TypeError, match="meaning"):
        exec(compile(grown, "grown", "exec"), {"__name__": "grown"})


def test_the_command_lists_every_exit_code() -> None:
    """The epilog of `crn-collector --help` has each code with its meaning."""
    epilog = _root().epilog
    assert epilog == exit_codes()
    assert _codes(epilog) == [code.value for code in Exit]
    assert all(code.meaning in (epilog or "") for code in Exit)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_lists_its_exit_codes(name: str) -> None:
    """Each command says which codes to expect, success first, each with its meaning."""
    epilog = COMMANDS[name].epilog or ""
    known = {code.value: code for code in Exit}
    codes = [known[code] for code in _codes(epilog)]
    assert codes[0] is Exit.OK
    assert codes == sorted(codes)
    assert all(code.meaning in epilog for code in codes)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_and_option_is_explained(name: str) -> None:
    """A command has a sentence of its own, and each option and argument has a help text."""
    command = COMMANDS[name]
    first = (command.help or "").split("\n\n")[0]
    assert first.endswith(".")
    assert "\n" not in (command.help or "").replace("\n\n", " ")
    for parameter in command.params:
        assert getattr(parameter, "help", ""), parameter.name


def test_help_is_the_docstring() -> None:
    """Paragraphs stay, lines within them are joined."""

    def command() -> None:
        """Do it.

        It takes
        a while.
        """

    assert help_text(command) == "Do it.\n\nIt takes a while."
    assert inspect.getdoc(command) != help_text(command)
