"""Writes the generated pages of docs/ from the code; with `--check` says which are out of step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blocks import operation_page, schema_page, simulate_page, state_page
from pydantic import BaseModel

from collector.service.given_settings import CONFIG_VARIABLE
from collector.service.load_settings import CONFIG_FILE
from collector.service.settings import Settings, fields, variable

HERE = Path(__file__).parent
DEFAULTS: Any = Settings(data_dir=Path()).model_dump(mode="json")
GENERATED = "<!-- Written by `make docs` from the code; do not edit. -->\n"


def settings_page() -> str:
    """`settings.md`: every setting, by section."""
    parts = [
        GENERATED,
        "# Settings\n",
        "In order of precedence: command line, environment, `.env` in the working directory, and a "
        f"TOML file (`--config FILE`, `{CONFIG_VARIABLE}`, or `{CONFIG_FILE}` in the working "
        "directory). Lists are separated by commas in the environment and arrays in TOML. "
        "An empty value counts as not given. Any other variable that begins with `CRN_`, or key of "
        "the file, is an error that names it; only what Kubernetes makes for a service named "
        "`crn-…` is passed over. `${NAME}` is replaced in `.env`, but not in a token; `~` is the "
        "home directory. `crn-collector check-config` shows what is in effect, and names every "
        "wrong setting and every file that cannot be used.\n",
        "```toml\n# "
        + CONFIG_FILE
        + '\nvantage = "helsinki"\n\n[rounds]\ninterval_seconds = 60\n\n[probe]\n'
        'nameservers = ["9.9.9.9", "1.1.1.1"]\n```\n',
    ]
    for section, doc in _sections():
        parts.append(f"## {f'`[{section}]`' if section else 'General'}\n")
        parts.append(f"{doc}\n")
        parts.append("| key | variable | default | meaning |\n|---|---|---|---|")
        parts += [
            f"| `{path[-1]}` | `{variable(path)}` | {_default(path)} | {field.description} |"
            for path, field in fields()
            if ".".join(path[:-1]) == section
        ]
        parts.append("")
    return "\n".join(parts)


def _sections() -> list[tuple[str, str]]:
    found = [("", "What applies to all parts.")]
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found.append((name, (kind.__doc__ or "").strip()))
    return found


def _default(path: tuple[str, ...]) -> str:
    if path == ("data_dir",):
        return "the platform's folder for application data"
    value = DEFAULTS
    for name in path:
        value = value[name]
    if isinstance(value, list):
        return "<br>".join(f"`{word}`" for word in value)
    if isinstance(value, float):
        return f"`{value:g}`"
    return "" if value in (None, "") else f"`{value}`"


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "operation.md": operation_page,
    "schema.md": schema_page,
    "simulate.md": simulate_page,
    "state.md": state_page,
}


def main() -> int:
    """Write, or with `--check` compare; 1 if a page is out of step."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, page in PAGES.items():
        path = HERE / name
        text = page()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/{name} {'is out of step: run `make docs`' if check else 'written'}")  # noqa: T201
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
