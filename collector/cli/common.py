"""Options that several commands have, and the settings that follow from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collector.cli.log import log_to_stderr
from collector.errors import ConfigurationError, reason_of
from collector.service.load_settings import load_settings
from collector.service.settings import Settings

Directory = Annotated[
    str | None,  # judged where it is read, as it is when a variable names it
    typer.Option(
        "--directory",
        metavar="FILE",
        help="Read the list of nodes from a file instead of the network: a saved aggregate, a "
        "saved crns.json, or lines `hash address`.",
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option("--data-dir", metavar="DIR", help="Data directory; overrides the setting."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_of(
    context: typer.Context,
    directory: str | None = None,
    data_dir: str | None = None,
    log: bool = False,
) -> Settings:
    """Return the effective settings; options override them. Raise ConfigurationError.

    Messages go to the standard error: those of the level set if `log`, otherwise warnings only.
    """
    settings = load_settings(context.obj, data_dir=data_dir, directory={"file": directory})
    log_to_stderr(settings.log_level if log else "WARNING")
    return settings


def given_text(option: str | None) -> str | None:
    """Return what an option says; None if it is empty, as an unset variable of a shell makes it."""
    return (option or "").strip() or None


def output_file(option: str | None) -> Path | None:
    """Return the file that was named for output, created or left as it is; None if none was.

    Raises ConfigurationError if it cannot be written.
    """
    text = given_text(option)
    if text is None:
        return None
    path = Path(text)
    try:
        path = path.expanduser()
        path.open("ab").close()
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigurationError(
            f"{path} cannot be written: {reason_of(error)}", "Name a file in a folder that exists."
        ) from None
    return path
