"""What the network publishes: names that take no place among those that strangers make up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from collector.model.listing import NetworkSettings
from collector.model.observation import Gpu
from collector.state.bounded_names import OTHER, RESERVED, UNKNOWN
from collector.text import release_of


@dataclass(frozen=True, slots=True)
class Published:
    """What the network publishes: it takes no place."""

    gpus: Mapping[str, str] = field(default_factory=dict)
    """Model by device."""
    models: frozenset[str] = frozenset()
    release: str | None = None

    @classmethod
    def of(cls, settings: NetworkSettings) -> Published:
        """Return what the settings publish."""
        release = release_name(settings.last_crn_version)
        return cls(settings.gpus, settings.gpu_models, release)

    def kind(self, gpu: Gpu) -> tuple[str, str]:
        """Return the model and the device of a card, not yet bounded."""
        if published := self.gpus.get(gpu.device_id):
            return published, gpu.device_id
        model = gpu.model or gpu.device_name or UNKNOWN
        return (OTHER, OTHER) if model == OTHER else (model, gpu.device_id)

    def has_model(self, model: str) -> bool:
        """Return whether a model takes no place."""
        return model in self.models or model in RESERVED

    def has(self, model: str, device: str) -> bool:
        """Return whether a model and a device together take no place."""
        return self.has_model(model) and (device in RESERVED or self.gpus.get(device) == model)


@lru_cache(maxsize=1024)
def release_name(version: str | None) -> str | None:
    """Return the release part of a version, such as `1.7.2`; None if there is none."""
    release = None if version is None else release_of(version)
    return None if release is None else ".".join(map(str, release))
