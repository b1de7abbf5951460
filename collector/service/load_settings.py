"""Loads the settings: command line, environment, `.env` and a TOML file, in this precedence."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
)

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
    is_file,
)
from collector.service.settings import Settings, fields, is_secret

CONFIG_FILE: Final = "crn-collector.toml"
"""Read from the working directory if it is there and no other file is named."""
_SHOWN_CHARACTERS: Final = 80
_MAY_HOLD_SECRET: Final = re.compile("[@?#]")
"""Of a URL: user and password, query, fragment."""
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
        from_options(overrides),
        from_environment(os.environ),
        from_dotenv(Path(".env")),
        from_toml(file) if file else GivenSettings(),
    )
    problems = [problem for source in reversed(sources) for problem in source.problems]
    try:
        settings = _reading(sources)()
    except ValidationError as exc:
        problems += _problems(exc, sources)
    if problems:
        raise ConfigurationError("; ".join(problems), _ADVICE)
    return settings


def _reading(sources: Sequence[GivenSettings]) -> type[Settings]:
    """Return the settings as they are in these sources; what comes first wins."""

    class _Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(
                InitSettingsSource(settings_cls, _nested(source.values)) for source in sources
            )

    return _Loaded


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
    return named or (here if is_file(here) else None)


def _nested(given: Mapping[Key, GivenValue]) -> dict[str, Any]:
    """The values as the model has them, section by section."""
    document: dict[str, Any] = {}
    for (*section, name), value in given.items():
        (document.setdefault(section[0], {}) if section else document)[name] = value.value
    return document


def _problems(error: ValidationError, sources: Sequence[GivenSettings]) -> Iterator[str]:
    """What is wrong, one sentence for each setting or set of settings."""
    given: dict[Key, GivenValue] = {}
    for source in reversed(sources):
        given |= source.values
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
    """A wrong value, as far as it can be shown: nothing that may hold a password."""
    if not isinstance(value, str | int | float) or _MAY_HOLD_SECRET.search(str(value)):
        return ""
    text = repr(value)
    return f", not {text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + '…'}"
