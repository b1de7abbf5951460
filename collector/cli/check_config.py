"""`check-config`: the effective settings."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from collector.cli.common import AsJson, settings_of
from collector.cli.output import Column, Result, print_result
from collector.service.settings import Settings, fields, variable
from collector.service.wiring import node_tls_context

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

    Settings come from the environment, `.env` and the TOML file. A wrong one is named, with where
    it stands. Connects to nothing.
    """
    settings = None
    if not defaults:
        settings = settings_of(context)
        node_tls_context(settings)
    rows = [
        (".".join(path), variable(path), _shown(_value(settings, path, field)), field.description)
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


def _value(settings: Settings | None, path: tuple[str, ...], field: FieldInfo) -> Any:
    """Return the value of a setting; its default without settings, None if it has none."""
    if settings is None:
        default = field.get_default(call_default_factory=True)
        return None if default is PydanticUndefined else default
    value: Any = settings
    for name in path:
        value = getattr(value, name)
    return value


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return value if value is None or isinstance(value, int | float | str) else str(value)
