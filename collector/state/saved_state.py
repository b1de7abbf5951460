"""The whole state as entries of the store: a document per node, the bounded names, the rounds."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from pydantic import TypeAdapter, ValidationError

from collector.model.last_known import LastKnown
from collector.state.last_known import LastKnownNodes, from_json
from collector.state.node_document import NodeDocument
from collector.state.node_state import NodeState
from collector.state.round_log import RoundLog, foreseen
from collector.state.rules import Rules
from collector.state.saved_names import names_to_json, read_names
from collector.state.saved_values import TIME_LIMIT, Count, SavedTime
from collector.state.vocabulary import Vocabulary
from collector.text import clean

log = logging.getLogger(__name__)

_NODE: Final = "node:"
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LAST_KNOWN: Final = "last_known:"
_NAMES: Final = "names:"
_LAST_ROUND: Final = "round"
_ROUND_LOG: Final = "rounds"
_SHOWN: Final = 3
"""Entries that a warning names."""


@dataclass(frozen=True, slots=True)
class RoundsDocument:
    """The log of rounds, as it is kept in the store. Its keys never change."""

    count: Count = 0
    times: tuple[SavedTime, ...] = ()


_ROUNDS_DOCUMENT: Final = TypeAdapter(RoundsDocument)
_LAST_ROUND_DOCUMENT: Final = TypeAdapter(SavedTime)


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
    forgotten: frozenset[str] = frozenset()
    """Entries that could not be read, and are deleted."""


def read_state(rules: Rules, entries: Mapping[str, bytes], source: str) -> SavedState:
    """Return the state that the entries hold.

    Entries that cannot be read begin anew, with one warning that names `source`; they are deleted
    when the next round is saved. Entries with other keys are ignored.
    """
    errors: dict[str, ValueError] = {}
    saved = SavedState(rounds=_read_rounds(entries, errors))
    for key, body in entries.items():
        try:
            if key.startswith(_NODE):
                _read_node(rules, saved, _hash(key, _NODE), body)
            elif key.startswith(_LAST_KNOWN):
                saved.last_known[_hash(key, _LAST_KNOWN)] = from_json(body)
            elif key.startswith(_NAMES):
                read_names(saved.vocabulary, key.removeprefix(_NAMES), body)
        except ValueError as error:
            errors[key] = error
    if errors:
        log.warning(
            "%s is damaged: %d entries of the state cannot be read and begin anew: %s",
            source,
            len(errors),
            _summary(errors),
        )
    saved.forgotten = frozenset(errors)
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
    for kind, names in names_to_json(vocabulary).items():
        entries[_NAMES + kind] = names
    if rounds.last is not None:
        entries[_LAST_ROUND] = str(rounds.last).encode()
        entries[_ROUND_LOG] = _ROUNDS_DOCUMENT.dump_json(RoundsDocument(rounds.count, rounds.times))
    return entries


def _read_rounds(entries: Mapping[str, bytes], errors: dict[str, ValueError]) -> RoundLog:
    """Return the rounds; without numbers if the log is missing or does not end in the last round.

    (Versions before 1.0 write the last round only.)
    """
    last: int | None = None
    rounds = RoundLog()
    try:
        if _LAST_ROUND in entries:
            last = _LAST_ROUND_DOCUMENT.validate_json(entries[_LAST_ROUND])
    except ValueError as error:
        errors[_LAST_ROUND] = error
    try:
        if _ROUND_LOG in entries:
            document = _ROUNDS_DOCUMENT.validate_json(entries[_ROUND_LOG])
            rounds = RoundLog(document.count, document.times)
    except ValueError as error:
        errors[_ROUND_LOG] = error
    if rounds.last == last:
        return rounds
    return RoundLog() if last is None else RoundLog(times=(last,))


def _read_node(rules: Rules, saved: SavedState, key: str, body: bytes) -> None:
    """Add the state of a node as it was after the last round."""
    document = NodeDocument.from_json(body)
    state = document.state()
    if not state.name:
        state = replace(state, name=key[:8])
    if state.latest_at >= TIME_LIMIT:
        raise ValueError("a time in it is out of range")
    if document.written_in is None or document.written_in > saved.rounds.count:
        saved.unsaved.add(key)
    else:
        for time in saved.rounds.since(document.written_in):
            state = foreseen(rules, state, time)
    saved.states[key] = state


def _hash(key: str, prefix: str) -> str:
    """Return the hash of a node's key; raise ValueError if it is none."""
    digest = key.removeprefix(prefix)
    if not _HASH.fullmatch(digest):
        raise ValueError("not the key of a node")
    return digest


def _summary(errors: Mapping[str, ValueError]) -> str:
    """Return the first few entries with what is wrong, and how many more there are."""
    shown = [f"{clean(key, 80)} ({_reason(error)})" for key, error in list(errors.items())[:_SHOWN]]
    more = len(errors) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _reason(error: ValueError) -> str:
    """Return what is wrong with an entry: the first of its errors, in a few words."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return clean(" ".join([*map(str, first["loc"]), first["msg"]]), 120)
    return str(error)
