"""Options that several commands have, and the settings that follow from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from collector.cli.log import log_to_stderr
from collector.errors import ConfigurationError
from collector.service.load_settings import load_settings
from collector.service.settings import Settings

Directory = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        metavar="FILE",
        readable=False,  # judged where it is read, as it is when a variable names it
        help="Read the list of nodes from a file instead of the network: a saved aggregate, a "
        "saved crns.json, or lines `hash address`.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        readable=False,
        help="Data directory; overrides the setting.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_of(
    context: typer.Context,
    directory: Path | None = None,
    data_dir: Path | None = None,
    log: bool = False,
) -> Settings:
    """Return the effective settings; options override them. Raise ConfigurationError.

    Messages go to the standard error: those of the level set if `log`, otherwise warnings only.
    """
    overrides: dict[str, Any] = {}
    if data_dir:
        overrides["data_dir"] = data_dir
    if directory:
        overrides["directory"] = {"file": directory}
    settings = load_settings(context.obj, **overrides)
    log_to_stderr(settings.log_level if log else "WARNING")
    return settings


def require_writable(path: Path | None) -> None:
    """Create a file that was named for output, or leave it as it is.

    Raises ConfigurationError if it cannot be written.
    """
    if path is None:
        return
    try:
        path.open("ab").close()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}", "Name a file in a folder that exists."
        ) from None
