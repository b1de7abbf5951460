"""The GPUs of a node, counted by kind and by device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from collector.model.listing import NetworkSettings
from collector.model.observation import Gpu
from collector.model.status import GpuCount
from collector.state.vocabulary import NodeNames, Vocabulary


def count_kinds(
    gpus: Sequence[Gpu], vocabulary: Vocabulary, held: NodeNames, time: int
) -> dict[tuple[str, str], GpuCount]:
    """Return the counts of the cards by bounded model and device id, on a node with its names."""
    if not gpus:
        return {}
    grouped: dict[tuple[str, str], list[Gpu]] = {}
    for gpu in gpus:
        grouped.setdefault(vocabulary.gpu_tags(gpu, held, time), []).append(gpu)
    return {
        kind: GpuCount(
            total=len(same),
            available=sum(gpu.available for gpu in same),
            compatible=_compatible(same),
        )
        for kind, same in sorted(grouped.items())
    }


def _compatible(same: list[Gpu]) -> int | None:
    known = [gpu.compatible for gpu in same if gpu.compatible is not None]
    return sum(known) if len(known) == len(same) else None


def count_devices(gpus: Sequence[Gpu]) -> dict[str, int]:
    """Return the number of cards by device id, as the node reports it."""
    if not gpus:
        return {}
    return dict(Counter(gpu.device_id for gpu in gpus))


def device_labels(gpus: Iterable[Gpu], settings: NetworkSettings) -> Mapping[str, str]:
    """Return what people call each device: its published model, else what the node calls it."""
    return {gpu.device_id: gpu.model or gpu.device_name for gpu in gpus} | dict(settings.gpus)
