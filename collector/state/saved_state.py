"""The whole state as entries of the store: a document per node, the bounded names, the rounds."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter

from collector.model.last_known import LastKnown
from collector.state.last_known import LastKnownNodes, from_json
from collector.state.node_document import NodeDocument
from collector.state.node_state import NodeState
from collector.state.round_log import RoundLog, foreseen
from collector.state.rules import Rules
from collector.state.vocabulary import Vocabulary

log = logging.getLogger(__name__)

_NODE: Final = "node:"
_LAST_KNOWN: Final = "last_known:"
_NAMES: Final = "names:"
_LAST_ROUND: Final = "round"
_ROUND_LOG: Final = "rounds"
_ROUNDS: Final = TypeAdapter(RoundLog)


@dataclass(frozen=True, slots=True)
class NamesDocument:
    """The bounded names of a kind, as they are kept in the store. Its keys never change."""

    seen_at: dict[str, int] = field(default_factory=dict)
    published_at: dict[str, int] = field(default_factory=dict)


_NAMES_DOCUMENT: Final = TypeAdapter(NamesDocument)


@dataclass(slots=True)
class SavedState:
    """What was read from the store."""

    states: dict[str, NodeState] = field(default_factory=dict)
    """By hash, as they were after the last round."""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    rounds: RoundLog = field(default_factory=RoundLog)
    last_known: dict[str, LastKnown] = field(default_factory=dict)
    """By hash."""
    unsaved: set[str] = field(default_factory=set)
    """Hashes whose document has to be written anew, since the rounds do not continue it."""


def read_state(rules: Rules, entries: Mapping[str, bytes]) -> SavedState:
    """Return the state that the entries hold.

    An entry that cannot be read begins anew, with a warning. Other entries are ignored.
    """
    saved = SavedState(rounds=_read_rounds(entries))
    for key, body in entries.items():
        try:
            if key.startswith(_NODE):
                _read_node(rules, saved, key.removeprefix(_NODE), body)
            elif key.startswith(_LAST_KNOWN):
                saved.last_known[key.removeprefix(_LAST_KNOWN)] = from_json(body)
            elif key.startswith(_NAMES):
                _read_names(saved.vocabulary, key.removeprefix(_NAMES), body)
        except ValueError as error:
            _warn(key, error)
    return saved


def changed_entries(
    states: Mapping[str, NodeState],
    changed: Iterable[str],
    last_known: LastKnownNodes,
    vocabulary: Vocabulary,
    rounds: RoundLog,
) -> dict[str, bytes | None]:
    """Return what the store is to keep after a round: None deletes, other entries stay."""
    changes = last_known.changes().items()
    entries = {_LAST_KNOWN + key: document for key, document in changes}
    for key in changed:
        state = states.get(key)
        entries[_NODE + key] = (
            None if state is None else NodeDocument.of(state, rounds.count).to_json()
        )
    for kind, names in vocabulary.by_kind().items():
        document = NamesDocument(names.reported_at, names.published_at)
        entries[_NAMES + kind] = _NAMES_DOCUMENT.dump_json(document)
    if rounds.last is not None:
        entries[_LAST_ROUND] = str(rounds.last).encode()
        entries[_ROUND_LOG] = _ROUNDS.dump_json(rounds)
    return entries


def _read_rounds(entries: Mapping[str, bytes]) -> RoundLog:
    """Return the rounds; without numbers if the log is missing or does not end in the last round.

    (Versions before 1.0 write the last round only.)
    """
    last: int | None = None
    rounds = RoundLog()
    try:
        last = int(entries[_LAST_ROUND]) if _LAST_ROUND in entries else None
    except ValueError as error:
        _warn(_LAST_ROUND, error)
    try:
        rounds = _ROUNDS.validate_json(entries[_ROUND_LOG]) if _ROUND_LOG in entries else rounds
    except ValueError as error:
        _warn(_ROUND_LOG, error)
    if rounds.last == last:
        return rounds
    return RoundLog() if last is None else RoundLog(times=(last,))


def _read_node(rules: Rules, saved: SavedState, key: str, body: bytes) -> None:
    """Add the state of a node as it was after the last round."""
    document = NodeDocument.from_json(body)
    state = document.state()
    if document.written_in is None or document.written_in > saved.rounds.count:
        saved.unsaved.add(key)
    else:
        for time in saved.rounds.since(document.written_in):
            state = foreseen(rules, state, time)
    saved.states[key] = state


def _read_names(vocabulary: Vocabulary, kind: str, body: bytes) -> None:
    """Take over the bounded names of a kind."""
    names = vocabulary.by_kind().get(kind)
    if names is not None:
        document = _NAMES_DOCUMENT.validate_json(body)
        names.reported_at, names.published_at = document.seen_at, document.published_at


def _warn(key: str, error: ValueError) -> None:
    log.warning("the state of %s cannot be read and begins anew: %s", key, error)
