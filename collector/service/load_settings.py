"""Loads the settings: command line, environment, `.env` and a TOML file, in this precedence."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from collector.errors import ConfigurationError
from collector.service.settings import PREFIX, Settings, fields, variable

CONFIG_VARIABLE: Final = "CRN_CONFIG"
CONFIG_FILE: Final = "crn-collector.toml"
"""Read from the working directory if it is there and no other file is named."""


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Return the effective settings; `overrides` come from the command line and win.

    Raises ConfigurationError with the name of every variable or key that is unknown or wrong, and
    what it must be.
    """
    path = _config_path(config)
    unknown = [*_unknown_variables(os.environ, "the environment"), *_unknown_dotenv()]
    if unknown:
        raise ConfigurationError(
            "unknown setting: " + "; ".join(unknown),
            "`crn-collector check-config --defaults` lists every setting with its name.",
        )

    try:
        return _sources(path)(**overrides)
    except ValidationError as exc:
        raise ConfigurationError(
            "; ".join(_problem(error, path) for error in exc.errors()),
            "`crn-collector check-config` shows what is in effect.",
        ) from None
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(
            f"{path} is not TOML: {exc}", "Correct the line it names."
        ) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(
            f"{path or '.env'} cannot be read: {exc}", "Check its permissions and encoding."
        ) from None


def _sources(toml_file: Path | None) -> type[Settings]:
    """The settings with their sources in order: overrides, environment, `.env`, TOML file."""

    class _Loaded(Settings):
        model_config = SettingsConfigDict(env_file=".env", toml_file=toml_file)

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            toml = TomlConfigSettingsSource(settings_cls)
            return init_settings, env_settings, dotenv_settings, toml

    return _Loaded


def _config_path(config: Path | None) -> Path | None:
    """The TOML file: named on the command line or by variable, or in the working directory."""
    named = config or (Path(v) if (v := os.environ.get(CONFIG_VARIABLE)) else None)
    if named and not named.is_file():
        raise ConfigurationError(
            f"configuration file {named} does not exist",
            f"Check --config and {CONFIG_VARIABLE}.",
        )
    here = Path(CONFIG_FILE)
    return named or (here if here.is_file() else None)


def _unknown_variables(variables: Mapping[str, Any], origin: str) -> Iterator[str]:
    known = {variable(path) for path, _ in fields()} | {CONFIG_VARIABLE}
    for name in variables:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            yield f"{name} in {origin}"


def _unknown_dotenv() -> Iterator[str]:
    try:
        values = dotenv_values(".env") if Path(".env").is_file() else {}
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(
            f".env cannot be read: {exc}", "Check its permissions and encoding."
        ) from None
    yield from _unknown_variables(values, ".env")


def _problem(error: Any, path: Path | None) -> str:
    """One line: the variable of the setting, its key in the file, and what is wrong with it."""
    setting = tuple(str(part) for part in error["loc"] if not isinstance(part, int))
    where = variable(setting) if setting else "settings"
    if path is not None and setting:
        *section, key = setting
        table = f"[{'.'.join(section)}] " if section else ""
        where = f"{where} (in {path}: {table}{key})"
    if error["type"] == "extra_forbidden":
        return f"{where}: there is no such setting"
    given = None if setting[:1] == ("influxdb",) else error.get("input")  # it may be a secret
    shown = f", not {given!r}" if isinstance(given, str | int | float | bool) else ""
    return f"{where}: {error['msg'].removeprefix('Value error, ')}{shown}"
