"""The names that become tags: releases, and GPUs by model and device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from collector.model.listing import NetworkSettings
from collector.model.observation import Gpu
from collector.state.bounded_names import OTHER, BoundedNames, HeldNames, RecentNames, hold
from collector.state.published import Published, release_name

_SEPARATOR: Final = "\n"
"""Between model and device in the name of a pair; cleaned text holds no line break."""


@dataclass(frozen=True, slots=True)
class NodeNames:
    """The names that a node brings in."""

    releases: HeldNames = ()
    gpus: HeldNames = ()
    """Pairs of model and device."""

    def rewound(self, time: int) -> NodeNames:
        """Return the same after a clock was stepped back to `time`: nothing is later than now."""
        if self == NO_NAMES:
            return self
        releases = tuple((name, min(at, time)) for name, at in self.releases)
        return NodeNames(releases, tuple((name, min(at, time)) for name, at in self.gpus))


NO_NAMES: Final = NodeNames()


@dataclass(frozen=True, slots=True)
class Statement:
    """What a node last reported of itself, and the names that it held before."""

    node: str
    """Its hash."""
    held: NodeNames
    version: str | None
    gpus: tuple[Gpu, ...]


@dataclass(slots=True)
class Vocabulary:
    """Names that become tags. `count` gives out the places of a round, then the rest asks."""

    gpus: BoundedNames = field(default_factory=BoundedNames)
    """Pairs of model and device."""
    releases: BoundedNames = field(default_factory=BoundedNames)
    recent_models: RecentNames = field(default_factory=RecentNames)
    recent_releases: RecentNames = field(default_factory=RecentNames)
    published: Published = field(default_factory=Published)

    def count(
        self, settings: NetworkSettings, statements: Iterable[Statement], time: int
    ) -> dict[str, NodeNames]:
        """Give out the places for a round; return the names of each node that holds others now."""
        self.published = published = Published.of(settings)
        releases: Counter[str] = Counter()
        gpus: Counter[str] = Counter()
        reported_releases: set[str] = set()
        reported_gpus: set[str] = set()
        changed: dict[str, NodeNames] = {}
        for statement in statements:
            held = self._hold(statement, reported_releases, reported_gpus, time)
            for name, _ in held.releases:
                releases[name] += 1
            for name, _ in held.gpus:
                gpus[name] += 1
            if held is not statement.held:
                changed[statement.node] = held
        if published.release is not None:
            reported_releases.discard(published.release)
            self.releases.free(published.release)
        for pair in [p for p in self.gpus.reported_at if published.has(*_parts(p))]:
            self.gpus.free(pair)
        self.releases.assign(releases, reported_releases & releases.keys(), time)
        self.gpus.assign(gpus, reported_gpus & gpus.keys(), time)
        return changed

    def _hold(
        self, statement: Statement, releases: set[str], gpus: set[str], time: int
    ) -> NodeNames:
        """Return the names that a node holds now; add those that it reports."""
        held = statement.held
        release = release_name(statement.version)
        held_releases, held_gpus = held.releases, held.gpus
        if release is not None:
            releases.add(release)
            held_releases = hold(held_releases, (release,), time)
        if statement.gpus:
            kinds = {self.published.kind(gpu) for gpu in statement.gpus}
            pairs = {_pair(*kind) for kind in kinds if not self.published.has(*kind)}
            held_gpus = hold(held_gpus, pairs, time)
            gpus.update(name for name, _ in held_gpus if name in pairs)
        if held_releases is held.releases and held_gpus is held.gpus:
            return held
        return NodeNames(held_releases, held_gpus)

    def gpu_tags(self, gpu: Gpu, held: NodeNames, time: int) -> tuple[str, str]:
        """Return a card's model and device as tags.

        What the network does not publish is a tag on nodes that hold it only, so that no node has
        the series of all others.
        """
        model, device = self.published.kind(gpu)
        if not self.published.has(model, device) and not self._is_placed(model, device, held):
            model, device = model if self.published.has_model(model) else OTHER, OTHER
        self.recent_models.note(model, time)
        return model, device

    def _is_placed(self, model: str, device: str, held: NodeNames) -> bool:
        pair = _pair(model, device)
        return self.gpus.has(pair) and any(name == pair for name, _ in held.gpus)

    def release_tag(self, version: str | None, time: int) -> str | None:
        """Return the release part of a version as a tag; None if there is none."""
        release = release_name(version)
        if release is None:
            return None
        if release != self.published.release and not self.releases.has(release):
            release = OTHER
        self.recent_releases.note(release, time)
        return release

    def current_models(self, time: int) -> tuple[str, ...]:
        """Return every GPU model written within a week."""
        placed = {_parts(pair)[0] for pair in self.gpus.reported_at}
        return self.recent_models.current(time, placed | self.published.models)

    def current_releases(self, time: int) -> tuple[str, ...]:
        """Return every release written within a week."""
        in_use = {*self.releases.reported_at, self.published.release or OTHER}
        return self.recent_releases.current(time, in_use)

    def rewind(self, time: int) -> None:
        """Follow a clock that was stepped back to `time`."""
        self.gpus.rewind(time)
        self.releases.rewind(time)
        self.recent_models.rewind(time)
        self.recent_releases.rewind(time)


def _pair(model: str, device: str) -> str:
    return f"{model}{_SEPARATOR}{device}"


def _parts(pair: str) -> tuple[str, str]:
    model, _, device = pair.partition(_SEPARATOR)
    return model, device
