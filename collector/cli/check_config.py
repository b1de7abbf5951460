"""`check-config`: the effective configuration."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import SecretStr
from pydantic_core import PydanticUndefined
from rich.table import Table

from collector.cli.common import AsJson, cell, settings_of, show, show_json
from collector.service.settings import fields, variable
from collector.service.wiring import node_tls_context


def check_config(
    context: typer.Context,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Every setting with its default instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the effective configuration, secrets masked. Exits with 2 and the name of what is
    wrong."""
    settings = None
    if not defaults:
        settings = settings_of(context)
        node_tls_context(settings)
    rows = []
    for path, field in fields():
        value = _default(field)
        if settings is not None:
            value = settings
            for name in path:
                value = getattr(value, name)
        rows.append((".".join(path), variable(path), _shown(value), field.description))
    if as_json:
        show_json({name: value for name, _, value, _ in rows})
        return
    table = Table(title="Defaults" if defaults else "Effective configuration")
    for heading in ("setting", "variable", "value", "meaning"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(cell(column) for column in row))
    show(table, ((variable, value) for _, variable, value, _ in rows))


def _default(field: Any) -> Any:
    value = field.get_default(call_default_factory=True)
    return None if value is PydanticUndefined else value


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return value if value is None or isinstance(value, int | float | str) else str(value)
