"""How commands are added, so that `--help` is their documentation, exit codes included."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import typer

from collector.errors import Exit


def add_command(app: typer.Typer, name: str, command: Callable[..., None], *codes: Exit) -> None:
    """Add a command; its help is the function's docstring and the meaning of its exit codes."""
    app.command(name, help=help_text(command), epilog=exit_codes(*codes))(command)


def help_text(command: Callable[..., None]) -> str:
    """Return a docstring with each paragraph on one line, to be broken by the terminal."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def exit_codes(*codes: Exit) -> str:
    """Return a line per exit code with its meaning; all codes if none is given."""
    lines = [f"{code.value:>5}  {code.meaning}" for code in codes or Exit]
    return "\n".join(["Exit codes:", *lines])
