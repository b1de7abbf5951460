"""The bounded names as they are kept in the store, a document for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Final

from pydantic import TypeAdapter

from collector.state.bounded_names import LIMIT
from collector.state.saved_values import SavedName, SavedTime
from collector.state.vocabulary import Vocabulary
from collector.text import clean


@dataclass(frozen=True, slots=True)
class NamesDocument:
    """The bounded names of a kind, as they are kept in the store. Its keys never change."""

    seen_at: dict[str, SavedTime] = field(default_factory=dict)
    """Names with a place."""
    published_at: dict[SavedName, SavedTime] = field(default_factory=dict)
    """Names that were written; before 1.0, only those that take no place."""


_DOCUMENT: Final = TypeAdapter(NamesDocument)


def names_to_json(vocabulary: Vocabulary) -> dict[str, bytes]:
    """Return the bounded names of each kind as they are kept in the store."""
    releases, recent = vocabulary.releases.reported_at, vocabulary.recent_releases.written_at
    documents = {
        "models": NamesDocument({}, vocabulary.recent_models.written_at),
        "gpus": NamesDocument(vocabulary.gpus.reported_at, {}),
        "releases": NamesDocument(releases, recent),
    }
    return {kind: _DOCUMENT.dump_json(document) for kind, document in documents.items()}


def read_names(vocabulary: Vocabulary, kind: str, body: bytes) -> None:
    """Take over the bounded names of a kind; places beyond the limit are given out anew.

    Raise ValueError if the body is none.
    """
    document = _DOCUMENT.validate_json(body)
    newest = nlargest(LIMIT, document.seen_at, key=lambda n: (document.seen_at[n], n))
    places = {name: document.seen_at[name] for name in newest}
    written = _clean(document.published_at)
    match kind:
        case "models":  # versions before 1.0 gave models places of their own
            vocabulary.recent_models.written_at = _clean(places) | written
        case "gpus":
            vocabulary.gpus.reported_at = places
        case "releases":
            vocabulary.releases.reported_at = _clean(places)
            vocabulary.recent_releases.written_at = _clean(places) | written


def _clean(names: Mapping[str, int]) -> dict[str, int]:
    """Return the names that can be tags."""
    return {name: at for name, at in names.items() if clean(name) == name != ""}
