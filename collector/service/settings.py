"""The settings: their names, defaults, limits and meanings.

Only `service` and `cli` see them; parts get values.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from collector.directory.aggregate import NODES_LIMIT
from collector.errors import ConfigurationError
from collector.service.setting_choices import InfluxDbGeneration, Ipv6Mode, LogLevel
from collector.service.setting_types import (
    CENTURY_DAYS,
    FOREVER,
    Bytes,
    Count,
    DatabaseUrl,
    Days,
    FilePath,
    Hosts,
    Label,
    NameServers,
    Networks,
    ProgramHash,
    RetentionDays,
    Seconds,
    SecondsOrNone,
    Secret,
    Text,
    Urls,
    WholeRetentionDays,
    cleaned,
)
from collector.times import DAY, HOUR

PREFIX: Final = "CRN_"
NESTED: Final = "__"


class _Cleaned(BaseModel):
    """Every value is cleaned before its kind sees it."""

    @field_validator("*", mode="before")
    @classmethod
    def _clean(cls, value: Any) -> Any:
        return cleaned(value)


class _Section(_Cleaned):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DirectorySettings(_Section):
    """Where the list of nodes comes from."""

    api_hosts: Urls = Field(
        default=(
            "https://official.aleph.cloud",
            "https://api2.aleph.im",
            "https://api.aleph.im",
            "https://api3.aleph.im",
        ),
        min_length=1,
        description="API hosts that publish the list; the first with a usable list is used",
    )
    refresh_seconds: Seconds = Field(default=300, description="how often the list is fetched")
    timeout_seconds: Seconds = Field(default=20, description="for one host to answer")
    nodes_limit: Count = Field(
        default=NODES_LIMIT,
        description="entries of the list at most; a longer list is refused",
    )
    file: FilePath | None = Field(
        default=None,
        description="a saved aggregate, crns.json or lines `hash address` instead of the API",
    )


class RoundSettings(_Section):
    """When nodes are crawled."""

    interval_seconds: int = Field(default=60, ge=10, le=HOUR, description="between two rounds")
    spread_seconds: SecondsOrNone = Field(
        default=30, description="window over which the visits of a round are spread"
    )
    deadline_seconds: Seconds = Field(
        default=55, description="after the start of a round: what is unfinished then is recorded so"
    )
    concurrency: Count = Field(
        default=1024,
        description="nodes visited together at most; less if file descriptors are short",
    )
    shutdown_seconds: SecondsOrNone = Field(
        default=20, description="for the round under way to finish when asked to stop"
    )

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if not self.spread_seconds < self.deadline_seconds < self.interval_seconds:
            raise ValueError(
                f"spread_seconds < deadline_seconds < interval_seconds must hold, not "
                f"{self.spread_seconds:g} < {self.deadline_seconds:g} < {self.interval_seconds}"
            )
        return self


class ProbeSettings(_Section):
    """How a node is visited."""

    connect_timeout_seconds: Seconds = Field(default=5, description="name, TCP and TLS together")
    timeout_seconds: Seconds = Field(default=10, description="all probes of a node together")
    diagnostic_timeout_seconds: Seconds = Field(
        default=30, description="the diagnostic VM alone: it may have to boot"
    )
    diagnostic_vm: ProgramHash = Field(
        default="d2b74aa29898457bde0560e47f7cdd4e77287e9f1f7a1456161d2fd7d5c855d7",
        description="hash of the program that answers about IPv6",
    )
    body_limit_bytes: int = Field(
        default=64 * 1024,
        ge=1024,
        le=1024 * 1024,
        description="longest answer that is read, decompressed; at most 1 MiB",
    )
    ipv6_interval_seconds: int = Field(
        default=6 * HOUR,
        ge=HOUR,
        le=30 * DAY,
        description="between two IPv6 checks of a node; each starts a VM there for an hour",
    )
    nameservers: NameServers = Field(
        default=(), description="IP addresses, with a port or without; empty for the system's"
    )
    ca_file: FilePath | None = Field(
        default=None, description="certificates of authorities trusted besides the system's"
    )
    allowed_networks: Networks = Field(
        default=(), description="exceptions, by CIDR, from the ban on private addresses"
    )
    forbidden_hosts: Hosts = Field(
        default=(
            "google.com",
            "facebook.com",
            "twitter.com",
            "x.com",
            "blockchair.com",
        ),
        description="hosts, with their subdomains, that are never dialled",
    )
    controls: Urls = Field(
        default=(),
        description="hosts that tell whether this vantage can see; empty for the API hosts",
    )
    ipv6: Ipv6Mode = Field(
        default=Ipv6Mode.AUTO, description="whether this vantage has IPv6: auto, on or off"
    )


class StateSettings(_Section):
    """When a node counts as down."""

    down_after: Count = Field(default=3, description="bad rounds …")
    down_within: int = Field(default=5, ge=1, le=60, description="… of this many make it down")
    up_after: Count = Field(default=2, description="good rounds in a row make it up again")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if max(self.down_after, self.up_after) > self.down_within:
            raise ValueError("down_after and up_after must not be above down_within")
        return self


class StoreSettings(_Section):
    """What the embedded store holds."""

    retention_days: RetentionDays = Field(
        default=14, description=f"how long points are kept; `{FOREVER}` for ever"
    )

    @property
    def kept_days(self) -> float:
        """How long points are kept, as a number: a century if for ever."""
        return float(CENTURY_DAYS) if self.retention_days is None else self.retention_days


class InfluxDbSettings(_Section):
    """Where rounds are delivered to, beside the embedded store. Nothing is, without a `url`."""

    url: DatabaseUrl | None = Field(
        default=None, description="such as `http://localhost:8086`; empty for no InfluxDB"
    )
    token: Secret = Field(
        default=SecretStr(""), description="for 1.x `user:password`; empty if none is asked for"
    )
    token_file: FilePath | None = Field(default=None, description="a file that holds the token")
    org: Text = Field(default="", description="organisation; 2.x only")
    bucket: Text = Field(
        default="crn",
        min_length=1,
        description="bucket, or database; for 1.x also `database/retention policy`",
    )
    generation: InfluxDbGeneration = Field(
        default=InfluxDbGeneration.AUTO,
        description="`auto` asks the server; else `1` (before 1.8), `1.8`, `2` or `3`",
    )
    ca_file: FilePath | None = Field(
        default=None, description="certificates of authorities trusted besides the system's"
    )
    timeout_seconds: Seconds = Field(default=30, description="for one write")
    batch_lines: Count = Field(default=5_000, description="most points in one write")
    batch_bytes: Bytes = Field(
        default=2 * 1024 * 1024, description="most bytes in one write, before packing"
    )
    spool_bytes: int = Field(
        default=512 * 1024 * 1024,
        ge=1024 * 1024,
        le=1024**4,
        description="most that waits for delivery, packed; the oldest rounds make room",
    )
    spool_days: Days = Field(default=7, description="longest that a round waits")
    retention_days: WholeRetentionDays = Field(
        default=None,
        description=f"how long InfluxDB keeps points, for `init-store`; `{FOREVER}` for ever",
    )

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        given = {"token": self.token.get_secret_value(), "token_file": self.token_file}
        if all(given.values()):
            raise ValueError("give token or token_file, not both")
        if self.url is None and (any(given.values()) or self.org):
            raise ValueError("url is missing, but a token or org is given")
        if self.url is not None and self.generation is InfluxDbGeneration.V2 and not self.org:
            raise ValueError("org is missing: InfluxDB 2 needs one")
        return self


def _default_data_dir() -> Path:
    """Return the platform's folder for application data. Raise ConfigurationError without a home.

    A container may run as a user without an entry in its passwd file, hence without a home.
    """
    try:
        return user_data_path("crn-collector")
    except RuntimeError:
        raise ConfigurationError(
            "no data directory is set, and this user has no home directory to put one in",
            f"Set --data-dir, {PREFIX}DATA_DIR or HOME.",
        ) from None


class Settings(BaseSettings, _Cleaned):
    """The whole configuration. `CRN_PROBE__TIMEOUT_SECONDS` is `[probe] timeout_seconds`.

    Made directly, it has the defaults and what it is given; `load_settings` reads what users wrote.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    data_dir: FilePath = Field(
        default_factory=_default_data_dir,
        description="directory of the embedded store",
    )
    vantage: Label = Field(
        default="default",
        description="where this collector looks from; a tag of every point",
    )
    shard: Label = Field(
        default="0",
        description="which part of the nodes this collector crawls, a tag of its counts and sums; "
        "leave it at 0, since every collector crawls all nodes so far",
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="DEBUG, INFO, WARNING or ERROR")
    directory: DirectorySettings = DirectorySettings()
    rounds: RoundSettings = RoundSettings()
    probe: ProbeSettings = ProbeSettings()
    state: StateSettings = StateSettings()
    store: StoreSettings = StoreSettings()
    influxdb: InfluxDbSettings = InfluxDbSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the only source: the arguments."""
        return (init_settings,)

    @property
    def controls(self) -> tuple[str, ...]:
        """The controls: those configured, else the API hosts."""
        return self.probe.controls or self.directory.api_hosts


def fields(model: type[BaseModel] = Settings, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every setting: its path, such as `("probe", "timeout_seconds")`, and its pydantic field."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, *path, name)
        else:
            yield (*path, name), field


def variable(path: tuple[str, ...]) -> str:
    """The environment variable of a setting."""
    return PREFIX + NESTED.join(path).upper()


def is_secret(field: Any) -> bool:
    """Whether the value of a setting must not be shown."""
    return field.annotation is SecretStr
