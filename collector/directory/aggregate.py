"""The two aggregates that are read: where they are, and how their bytes are parsed.

Parsing raises ValueError, with the reason in words, if the bytes are not that aggregate.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from collector.directory.entry import Entries, Text, read_entries
from collector.directory.listed import listed_entries, whole
from collector.model.listing import NetworkSettings
from collector.text import clean

GPU_LIMIT: Final = 512
"""Published GPUs that are read."""
VERSION_LIMIT: Final = 32
"""Characters of the published version that are kept."""
NODES_LIMIT: Final = 10_000
"""Entries of the list of nodes that are read unless the settings say otherwise."""
ENTRY_BYTES: Final = 1_600
"""Of the list's body for each entry, the core nodes' share too; real entries have about 900."""
SETTINGS_BYTES: Final = 256 * 1024
"""Longest settings aggregate that is read; real ones have about 4 KB."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[T]):
    """A document that an account keeps on the network."""

    owner: str
    key: str
    parse: Callable[[bytes | memoryview], T]
    """Return the value of a body; raise ValueError if it is not this aggregate."""
    limit_bytes: int
    """Longest body that is read, after decompression."""

    @property
    def path(self) -> str:
        """Path and query on every API host. Old hosts need the limit, new ones ignore it."""
        return f"/api/v0/aggregates/{self.owner}.json?keys={self.key}&limit=50"


def read_json(body: bytes | memoryview) -> Any:
    """Return the value of a JSON document; raise ValueError with the reason if it is none."""
    try:
        return json.loads(str(body, "utf-8-sig", "replace"), parse_int=whole)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}, line {error.lineno})") from error
    except RecursionError as error:
        raise ValueError("not JSON that can be read (nested too deep)") from error


def corechannel_entries(body: bytes | memoryview, limit: int) -> Entries:
    """Return the entries of a corechannel aggregate.

    Raises ValueError if it has none, or more than `limit`.
    """
    entries = read_entries(listed_entries(body, limit))
    if not entries.nodes:
        raise ValueError("not one readable node in data.corechannel.resource_nodes")
    return entries


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


class _WireGpu(BaseModel):
    """A published GPU, in the current shape or the one before."""

    device_id: Text = ""
    """`10de:26b9`; in the old shape only `26b9`."""
    vendor_id: Text = ""
    """`10de`; old shape only."""
    model: Text = ""

    @property
    def full_id(self) -> str:
        """PCI vendor and device, lower case; empty if one is missing."""
        parts = [clean(part, 16) for part in (self.vendor_id, self.device_id)]
        joined = parts[1] if ":" in parts[1] else ":".join(parts)
        return joined.lower() if all(joined.split(":")) else ""


class _WireSettings(BaseModel):
    model_config = ConfigDict(extra="ignore")

    compatible_gpus: Annotated[list[Any], BeforeValidator(_list)] = []
    compatible_standard_gpus: Annotated[list[Any], BeforeValidator(_list)] = []
    """Old shape, like the next field."""
    compatible_premium_gpus: Annotated[list[Any], BeforeValidator(_list)] = []
    last_crn_version: Text = ""


class _SettingsKey(BaseModel):
    settings: dict[str, Any]


class _SettingsBody(BaseModel):
    data: _SettingsKey


def network_settings(document: object) -> NetworkSettings:
    """Return the content of a settings aggregate; raise ValueError if it is empty.

    Of a device that is listed twice the first entry counts.
    """
    try:
        settings = _SettingsBody.model_validate(document).data.settings
        wire = _WireSettings.model_validate(settings)
    except ValidationError as error:
        raise ValueError("no object data.settings in it") from error
    listed = wire.compatible_gpus + wire.compatible_standard_gpus + wire.compatible_premium_gpus
    gpus = _models(listed[:GPU_LIMIT])
    version = clean(wire.last_crn_version, VERSION_LIMIT)
    if not gpus and not version:
        raise ValueError("neither GPUs nor a version in data.settings")
    return NetworkSettings(gpus=gpus, last_crn_version=version or None)


def _models(listed: list[Any]) -> dict[str, str]:
    """Return the model by device id; entries that lack either are left out."""
    models: dict[str, str] = {}
    for entry in listed:
        try:
            gpu = _WireGpu.model_validate(entry)
        except ValidationError:
            continue
        if gpu.full_id and (model := clean(gpu.model)):
            models.setdefault(gpu.full_id, model)
    return models


def corechannel(limit: int) -> Aggregate[Entries]:
    """Return the list of nodes, kept by the network's node status service: `limit` entries at most.

    A longer list is refused as a whole.
    """
    return Aggregate(
        owner="0xa1B3bb7d2332383D96b7796B908fB7f7F3c2Be10",
        key="corechannel",
        parse=lambda body: corechannel_entries(body, limit),
        limit_bytes=max(1024 * 1024, ENTRY_BYTES * limit),
    )


CORECHANNEL: Final = corechannel(NODES_LIMIT)

SETTINGS: Final = Aggregate(
    owner="0xFba561a84A537fCaa567bb7A2257e7142701ae2A",
    key="settings",
    parse=lambda body: network_settings(read_json(body)),
    limit_bytes=SETTINGS_BYTES,
)
"""The network's settings. The aggregate of an older owner is no longer kept up to date."""
