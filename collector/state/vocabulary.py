"""The bounded names of a vantage: GPU models, GPU devices and releases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from collector.model.listing import NetworkSettings
from collector.model.observation import Gpu
from collector.state.bounded_names import OTHER, UNKNOWN, BoundedNames
from collector.text import release_of


@dataclass(slots=True)
class Vocabulary:
    """Names that become tags, each kind bounded."""

    models: BoundedNames = field(default_factory=BoundedNames)
    devices: BoundedNames = field(default_factory=BoundedNames)
    releases: BoundedNames = field(default_factory=BoundedNames)

    def by_kind(self) -> Mapping[str, BoundedNames]:
        """Return the names by the name of their kind, as it is kept in the store."""
        return {"models": self.models, "devices": self.devices, "releases": self.releases}

    def admit_gpu(self, gpu: Gpu, settings: NetworkSettings, time: int) -> tuple[str, str]:
        """Take up a card's names; return its model and device id, each bounded.

        A device that the network publishes has the published model and takes no place.
        """
        if published := settings.gpus.get(gpu.device_id):
            self.models.note(published, time)
            return published, gpu.device_id
        model = gpu.model or gpu.device_name or UNKNOWN
        if model in settings.gpu_models:
            self.models.note(model, time)
        else:
            model = self.models.admit(model, time)
        if model == OTHER:
            return OTHER, OTHER
        return model, self.devices.admit(gpu.device_id, time)

    def admit_release(self, version: str | None, time: int) -> str | None:
        """Take up the release part of a version; return it bounded, None if there is none."""
        release = None if version is None else _release_name(version)
        return None if release is None else self.releases.admit(release, time)

    def rewind(self, time: int) -> None:
        """Follow a clock that was stepped back to `time`."""
        for names in self.by_kind().values():
            names.rewind(time)


@lru_cache(maxsize=1024)
def _release_name(version: str) -> str | None:
    """Return the release part of a version, such as `1.7.2`; None if there is none."""
    release = release_of(version)
    return None if release is None else ".".join(map(str, release))
