"""`check-config`: the effective settings."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collector.cli.common import AsJson, settings_of
from collector.cli.output import Column, Result, print_result
from collector.service.setting_files import check_files
from collector.service.settings import Settings, fields, variable

_COLUMNS = (
    Column("setting", always=True),
    Column("variable"),
    Column("value", always=True),
    Column("meaning"),
)


def check_config(
    context: typer.Context,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="List every setting with its default instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the settings and print them, secrets masked.

    Settings come from the environment, `.env` and the TOML file. Every wrong one is named, with
    where it stands; so is a file or directory that `run` could not use. Connects to nothing.
    """
    if defaults:
        settings = Settings()
    else:
        settings = settings_of(context)
        check_files(settings)
    values = settings.model_dump(mode="json")
    rows = [
        (".".join(path), variable(path), _shown(values, path), field.description)
        for path, field in fields()
    ]
    print_result(
        Result(
            columns=_COLUMNS,
            rows=rows,
            document={setting: value for setting, _, value, _ in rows},
            title="Default settings" if defaults else "Effective settings",
        ),
        as_json=as_json,
    )


def _shown(values: Any, path: tuple[str, ...]) -> Any:
    """The value of a setting, a list as the environment has it."""
    for name in path:
        values = values[name]
    return ",".join(values) if isinstance(values, list) else values
