"""Loads the settings: command line, environment, `.env` and a TOML file, in this precedence."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from collector.errors import ConfigurationError
from collector.service.given_settings import (
    CONFIG_VARIABLE,
    GivenSettings,
    GivenValue,
    Key,
    from_dotenv,
    from_environment,
    from_options,
    from_toml,
)
from collector.service.settings import Settings, fields, is_secret

CONFIG_FILE: Final = "crn-collector.toml"
"""Read from the working directory if it is there and no other file is named."""
_SHOWN_CHARACTERS: Final = 80
_ADVICE: Final = (
    "`crn-collector check-config --defaults` lists every setting with its name and meaning."
)


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Return the effective settings; `overrides` come from the command line and win.

    Raises ConfigurationError with every setting that is unknown or wrong: where it stands, what it
    must be, and its value unless it is secret.
    """
    file = _config_path(config)
    sources = (
        from_toml(file) if file else GivenSettings(),
        from_dotenv(Path(".env")),
        from_environment(os.environ),
        from_options(overrides),
    )
    given: dict[Key, GivenValue] = {}
    for source in sources:
        given |= source.values
    problems = [problem for source in sources for problem in source.problems]
    try:
        settings = Settings.model_validate(_nested(given))
    except ValidationError as exc:
        problems += _problems(exc, given)
    if problems:
        raise ConfigurationError("; ".join(problems), _ADVICE)
    return settings


def _config_path(config: Path | None) -> Path | None:
    """The TOML file: named on the command line or by variable, or in the working directory."""
    variable = os.environ.get(CONFIG_VARIABLE, "").strip()
    named = config or (Path(variable) if variable else None)
    try:
        named = named.expanduser() if named else None
        missing = named is not None and not named.is_file()
    except (OSError, RuntimeError, ValueError):
        missing = True
    if missing:
        raise ConfigurationError(
            f"configuration file {named} does not exist",
            f"Check --config and {CONFIG_VARIABLE}.",
        )
    here = Path(CONFIG_FILE)
    return named or (here if here.is_file() else None)


def _nested(given: Mapping[Key, GivenValue]) -> dict[str, Any]:
    """The values as the model has them, section by section."""
    document: dict[str, Any] = {}
    for (*section, name), value in given.items():
        (document.setdefault(section[0], {}) if section else document)[name] = value.value
    return document


def _problems(error: ValidationError, given: Mapping[Key, GivenValue]) -> Iterator[str]:
    """What is wrong, one sentence for each setting or set of settings."""
    secrets = {key for key, field in fields() if is_secret(field)}
    for problem in error.errors(include_url=False):
        key = tuple(str(part) for part in problem["loc"] if not isinstance(part, int))
        what = problem["msg"].removeprefix("Value error, ").replace("Input should", "must", 1)
        if key in given:
            shown = "" if key in secrets else _shown(problem["input"])
            yield f"{given[key].place}: {what}{shown}"
        else:
            places = [value.place for at, value in given.items() if at[: len(key)] == key]
            yield f"{', '.join(places) or '.'.join(key)}: {what}"


def _shown(value: Any) -> str:
    """A wrong value, as far as it can be shown: no URL with what may be a password."""
    if not isinstance(value, str | int | float) or "@" in str(value) or "?" in str(value):
        return ""
    text = repr(value)
    return f", not {text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + '…'}"
