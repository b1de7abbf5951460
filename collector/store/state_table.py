"""Reads the state as it is kept in the file, damaged rows excepted."""

from __future__ import annotations

import logging
import sqlite3
from typing import Final

from collector.store.engine import StoreEngine

log = logging.getLogger(__name__)

_SELECT: Final = "SELECT typeof(key), CAST(key AS BLOB), CAST(value AS BLOB) FROM state"
_DELETE: Final = "DELETE FROM state WHERE typeof(key) = ? AND CAST(key AS BLOB) = ?"


def load_state(engine: StoreEngine) -> dict[str, bytes]:
    """Return the whole state by key; raise DataDirectoryError.

    A row whose key is not text in UTF-8, or that has no value, is deleted with a warning. Values
    are returned as they are: whoever wrote them judges them.
    """
    state: dict[str, bytes] = {}
    damaged: list[tuple[object, object]] = []
    for kind, key, value in engine.rows(_SELECT):
        text = _text(key) if kind == "text" else None
        if text is None or not isinstance(value, bytes):
            damaged.append((kind, key))
        else:
            state[text] = value
    if damaged:
        log.warning(
            "%s is damaged: %d rows of the table state have no key that can be read, and are "
            "deleted; what they held begins anew",
            engine.path,
            len(damaged),
        )

        def delete(connection: sqlite3.Connection) -> None:
            connection.executemany(_DELETE, damaged)

        engine.change(delete)
    return state


def _text(key: object) -> str | None:
    """Return a key as text; None if it is not UTF-8."""
    try:
        return key.decode() if isinstance(key, bytes) else None
    except UnicodeDecodeError:
        return None
